"""``parsekit analytics summary`` over what ``parsekit parse`` has left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine

Write = Callable[..., list[Path]]


def data_of(cli: CommandLine) -> Path:
    return cli.home / ".local" / "share" / "parsekit"


def file_of(cli: CommandLine) -> Path:
    (file,) = (data_of(cli) / "analytics").iterdir()
    return file


def test_what_was_parsed_is_summarised(cli: CommandLine, replays: Write) -> None:
    paths = replays("a", "b", "refused")
    cli.run("parse", *paths)
    cli.run("parse", paths[0])
    told = json.loads(cli.run("analytics", "summary", "--format", "json").stdout)
    total = told["total"]
    assert (total["tasks"], total["succeeded"], total["cached"]) == (4, 3, 1)
    assert (total["successPercent"], total["cacheHitPercent"]) == (75.0, 33.33)
    assert total["errors"] == {"parser_failed": 1}
    assert total["timings"]["putMs"]["count"] == 2
    assert set(told["parsers"]) == {"stub"}
    text = cli.run("analytics", "summary").stdout.decode()
    assert "stub: 4 tasks, 75.0 % succeeded, 33.3 % of the results from the cache" in text
    assert "1 failed with parser_failed" in text


def test_with_rabbitmq_in_the_configuration_there_is_a_summary_as_well(
    cli: CommandLine, replays: Write
) -> None:
    rabbitmq = {
        "PARSEKIT_PLUGINS": "stub,rabbitmq",
        "PARSEKIT__TRANSPORT__URL": "amqp://127.0.0.1:9",
    }
    assert cli.run("parse", *replays("a", "refused"), environ=rabbitmq).returncode == 1
    done = cli.run("analytics", "summary", environ=rabbitmq)
    assert b"stub: 2 tasks, 50.0 % succeeded" in done.stdout
    assert b", on this machine\n" in done.stdout


def test_the_files_of_several_machines_are_one_summary(cli: CommandLine, replays: Write) -> None:
    files = []
    for name in ("a", "b"):
        cli.run("parse", *replays(name))
        files.append(file_of(cli).rename(cli.folder / f"{name}.jsonl"))
    copy = cli.folder / "copy.jsonl"
    copy.write_bytes(files[0].read_bytes())
    done = cli.run("analytics", "summary", *files, copy)
    assert b"stub: 2 tasks" in done.stdout
    assert b"1 events were told again" in done.stdout
    assert b"this machine" not in done.stdout
    told = json.loads(cli.run("analytics", "summary", "-f", "json", *files).stdout)
    assert told["files"] == [str(file) for file in files]


def test_a_file_that_is_named_twice_is_read_once(cli: CommandLine, replays: Write) -> None:
    cli.run("parse", *replays("a"))
    file = file_of(cli)
    link = cli.folder / "link.jsonl"
    link.symlink_to(file)
    done = cli.run("analytics", "summary", "-f", "json", file, file.parent, link)
    told = json.loads(done.stdout)
    assert (told["total"]["tasks"], told["repeated"]) == (1, 0)
    assert told["files"] == [str(file)]


@pytest.mark.parametrize("argument", ["pipe", "."])
def test_what_is_no_file_is_refused_and_not_waited_for(cli: CommandLine, argument: str) -> None:
    for name in ("pipe", "2026-01-31.jsonl"):
        os.mkfifo(cli.folder / name)
    done = cli.run("analytics", "summary", argument)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is no regular file" in done.stderr


def test_standard_input_is_one_of_the_files(cli: CommandLine, replays: Write) -> None:
    cli.run("parse", *replays("a"))
    events = file_of(cli).read_bytes()
    done = cli.run("analytics", "summary", "/dev/stdin", stdin=events)
    assert b"stub: 1 tasks" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--since", "24h"]])
def test_without_events_there_is_a_sentence(cli: CommandLine, arguments: list[str]) -> None:
    done = cli.run("analytics", "summary", *arguments)
    assert done.returncode == 0
    assert done.stdout.startswith(b"no analytics events")
    assert b"name the files of other machines" in done.stdout
    told = json.loads(cli.run("analytics", "summary", "-f", "json", *arguments).stdout)
    assert (told["total"]["tasks"], told["total"]["successPercent"]) == (0, None)


def test_days_before_count_as_well_where_they_are_wanted(cli: CommandLine, replays: Write) -> None:
    cli.run("parse", *replays("a"))
    file = file_of(cli)
    earlier = file.with_name("2026-01-31.jsonl")
    file.rename(earlier)
    cli.run("parse", *replays("b"))
    assert b"stub: 2 tasks" in cli.run("analytics", "summary").stdout
    assert b"stub: 1 tasks" in cli.run("analytics", "summary", file).stdout
    for folder in (file.parent, data_of(cli)):
        assert b"stub: 2 tasks" in cli.run("analytics", "summary", folder).stdout
    earlier.write_bytes(b"a day that is not wanted is not even opened\n")
    for paths in ((), (file.parent,)):
        done = cli.run("analytics", "summary", "--since", "1h", *paths)
        assert b"stub: 1 tasks" in done.stdout
        assert done.stderr == b""


def test_half_a_line_and_foreign_lines_are_counted_and_named(
    cli: CommandLine, replays: Write
) -> None:
    cli.run("parse", *replays("a"))
    file = file_of(cli)
    file.write_bytes(b"hello\n" + file.read_bytes() * 2 + b'{"pattern": "anal')
    done = cli.run("analytics", "summary")
    assert done.returncode == 0
    assert b"stub: 1 tasks" in done.stdout
    assert b"1 events were told again" in done.stdout
    told = f"2 lines without an analytics event: {file.name}:1: no JSON, "
    assert told in done.stderr.decode()
    assert f"{file.name}:4: cut short" in done.stderr.decode()


def test_since_counts_from_now(cli: CommandLine, replays: Write) -> None:
    cli.run("parse", *replays("a"))
    file = file_of(cli)
    now, old = json.loads(file.read_text()), json.loads(file.read_text())
    old["eventId"] = "old"
    old["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2 * 86_400))
    file.write_text("".join(json.dumps(each) + "\n" for each in (old, now)))
    assert b"stub: 1 tasks" in cli.run("analytics", "summary", "--since", "24h").stdout
    assert b"stub: 2 tasks" in cli.run("analytics", "summary", "--since", "3d").stdout


@pytest.mark.parametrize("age", ["soon", "", "-1h", "24", "1y", "9" * 50 + "d"])
def test_an_age_that_is_none_is_a_usage_error(cli: CommandLine, age: str) -> None:
    done = cli.run("analytics", "summary", f"--since={age}")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"such as 24h or 7d" in done.stderr


def test_an_absent_file_is_a_usage_error(cli: CommandLine) -> None:
    done = cli.run("analytics", "summary", "absent.jsonl")
    assert (done.returncode, b"absent.jsonl: there is no such file" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [("analytics", "summary"), ("compare",)])
def test_a_file_that_can_not_be_read_is_told_in_a_line(
    cli: CommandLine, command: tuple[str, ...]
) -> None:
    done = cli.run(*command, "/proc/self/mem")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: a file of events can't be read: input/output error\n"
