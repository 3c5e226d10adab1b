"""A person parses with a shadow, and asks what it found."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine, end, outcomes, wait_until

Write = Callable[..., list[Path]]
SHADOW = {"PARSEKIT_PLUGINS": "stub,second", "PARSEKIT__SHADOW": "second"}


def data_of(cli: CommandLine) -> Path:
    return cli.home / ".local" / "share" / "parsekit"


def file_of(cli: CommandLine) -> Path:
    (file,) = (data_of(cli) / "differences").iterdir()
    return file


def parse(cli: CommandLine, *paths: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return cli.run("parse", "-f", "jsonl", *paths, environ={**SHADOW, **environ})


def test_one_replay_is_compared_before_the_command_ends(cli: CommandLine, replays: Write) -> None:
    done = parse(cli, *replays("a"))
    assert done.returncode == 0
    assert [outcome["parser"] for outcome in outcomes(done.stdout)] == ["stub"]
    assert b"shadow second: 1 compared; see parsekit compare" in done.stderr
    (line,) = file_of(cli).read_text().splitlines()
    differing = [name for name, each in json.loads(line)["fields"].items() if "differing" in each]
    assert differing == ["players.stats.boost.bpm"]
    assert cli.left_in_tmp() == []


def test_compare_summarises_what_this_machine_has(cli: CommandLine, replays: Write) -> None:
    for path in replays("a", "b"):
        parse(cli, path)
    done = cli.run("compare")
    assert done.returncode == 0
    text = done.stdout.decode()
    assert "stub 1.0 beside second 2.0: 2 replays" in text
    row = next(line.split() for line in text.splitlines() if line.startswith("players.stats.boost"))
    assert row[:3] == ["players.stats.boost.bpm", "6", "66.7"]
    assert "a.replay blue 1: 401.5 beside 410" in text
    (pair,) = json.loads(cli.run("compare", "--format", "json").stdout)["pairs"]
    assert pair["replays"] == 2
    assert pair["fields"]["players.stats.boost.bpm"]["within1Percent"] == 4


@pytest.mark.parametrize(("percent", "code"), [("90", 0), ("99", 1)])
def test_a_watch_fails_when_parsers_drift_apart(
    cli: CommandLine, replays: Write, percent: str, code: int
) -> None:
    parse(cli, *replays("a"))
    done = cli.run("compare", "--fail-under", percent)
    assert done.returncode == code
    assert (b"% of all values are within 1 %, not 99" in done.stderr) == bool(code)


def test_a_watch_that_sees_nothing_is_not_green(cli: CommandLine) -> None:
    assert cli.run("compare").returncode == 0
    done = cli.run("compare", "--fail-under", "50")
    assert (done.returncode, b"nothing was compared" in done.stderr) == (1, True)


def test_names_of_strangers_do_no_harm_in_the_table(cli: CommandLine, replays: Write) -> None:
    parse(cli, *replays("hostile"), PARSEKIT__PARSER="second", PARSEKIT__SHADOW="stub")
    file = file_of(cli)
    evil = "\x1b[2J\x9b\n\u202eevil"
    line = json.loads(file.read_text())
    line["fields"][evil] = {"equal": 0, "differing": [{"where": evil, "primary": evil}]}
    line.update(replay=evil, eventId="2", primary={"parser": evil, "version": evil})
    with file.open("a") as out:
        out.write(json.dumps(line) + "\n")
    done = cli.run("compare")
    assert done.returncode == 0
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.stdout.decode())


def test_damaged_files_are_read_as_far_as_they_go(cli: CommandLine, replays: Write) -> None:
    parse(cli, *replays("a"))
    file = file_of(cli)
    file.write_bytes(file.read_bytes() + b'{"half')
    done = cli.run("compare", file, file.parent)
    assert (done.returncode, b"1 replays" in done.stdout) == (0, True)
    passed_over = f"passed over 1 line without a difference: {file.name}:2: cut short"
    assert passed_over in done.stderr.decode()


def test_since_counts_from_now(cli: CommandLine, replays: Write) -> None:
    parse(cli, *replays("a"))
    now = json.loads(file_of(cli).read_text())
    at = time.gmtime(time.time() - 2 * 86_400)
    old = {**now, "eventId": "old", "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", at)}
    file_of(cli).write_text(f"{json.dumps(old)}\n{json.dumps(now)}\n")
    assert b": 1 replays" in cli.run("compare", "--since", "24h").stdout
    assert b": 2 replays" in cli.run("compare", "--since", "3d").stdout


@pytest.mark.parametrize("argument", ["absent.jsonl", "."])
def test_a_path_without_differences_is_a_usage_error(cli: CommandLine, argument: str) -> None:
    done = cli.run("compare", argument)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr


def test_a_shadow_that_fails_changes_neither_results_nor_exit_code(
    cli: CommandLine, replays: Write
) -> None:
    done = parse(cli, *replays("doubtful"))
    assert done.returncode == 0
    assert outcomes(done.stdout)[0]["ok"]
    assert b"the second has its doubts" in done.stderr
    assert b"shadow second: 1 failed" in done.stderr


@pytest.mark.parametrize(("shadow", "why"), [("secnd", b"'secnd' is unknown")])
def test_a_misspelt_shadow_is_a_warning_here_and_an_error_of_config_check(
    cli: CommandLine, replays: Write, shadow: str, why: bytes
) -> None:
    done = parse(cli, *replays("a"), PARSEKIT__SHADOW=shadow)
    assert (done.returncode, outcomes(done.stdout)[0]["ok"]) == (0, True)
    assert why in done.stderr
    checked = cli.run("config", "check", environ={**SHADOW, "PARSEKIT__SHADOW": shadow})
    assert (checked.returncode, why in checked.stderr) == (2, True)


def test_ctrl_c_ends_the_wait_for_a_shadow(cli: CommandLine, replays: Write) -> None:
    process = cli.start("parse", "-f", "jsonl", *replays("late"), environ=SHADOW)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert json.loads(line)["ok"]
    time.sleep(0.2)
    began = time.monotonic()
    code, _, stderr = end(process, signal.SIGINT)
    assert time.monotonic() - began < 15
    assert (code, b"shadow second: 1 stopped before its end" in stderr) == (130, True)
    wait_until(lambda: cli.left_in_tmp() == [])


def test_a_run_over_the_budget_says_so(cli: CommandLine, replays: Write) -> None:
    done = parse(cli, *replays("a", "b"), PARSEKIT__SHADOW_PER_HOUR="0")
    assert done.returncode == 0
    assert b"over shadow_per_hour" in done.stderr


def test_a_run_without_a_shadow_says_nothing_of_one(cli: CommandLine, replays: Write) -> None:
    done = cli.run("parse", *replays("a"))
    assert b"shadow" not in done.stderr
    assert not (data_of(cli) / "shadow.json").exists()


def test_a_misspelt_fallback_is_an_error_before_anything_is_parsed(
    cli: CommandLine, replays: Write, parses: Callable[[], list[str]]
) -> None:
    done = cli.run("parse", *replays("a"), environ={"PARSEKIT__FALLBACK": '["secnd"]'})
    assert (done.returncode, b"'secnd' is unknown" in done.stderr) == (2, True)
    assert parses() == []


def test_a_person_hears_who_was_asked_before(cli: CommandLine, replays: Write) -> None:
    environ = {
        "PARSEKIT_PLUGINS": "stub,second",
        "PARSEKIT__PARSER": "second",
        "PARSEKIT__FALLBACK": '["stub"]',
    }
    done = cli.run(
        "parse", "-f", "jsonl", *replays("doubtful", "doubtful-refused"), environ=environ
    )
    answered, refused = outcomes(done.stdout)
    assert (answered["parser"], answered["tried"][0]["parser"]) == ("stub", "second")
    assert answered["tried"][0]["error"]["message"] == "the second has its doubts"
    told = b"the stub does not like this name; tried before: second (parser_failed: the second"
    assert told in done.stderr
    assert [each["parser"] for each in refused["tried"]] == ["second"]
