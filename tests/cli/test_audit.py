"""``parsekit audit`` over what ``parsekit parse`` has left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devkit.command_line import CommandLine
from parsekit.events import Acts, AuditEvent
from parsekit.records.audit_file import line_of

Write = Callable[..., list[Path]]


def found(cli: CommandLine, *arguments: object) -> list[dict[str, Any]]:
    done = cli.run("audit", "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    records: list[dict[str, Any]] = json.loads(done.stdout)
    return records


def test_all_that_was_done_with_a_replay_is_found(cli: CommandLine, replays: Write) -> None:
    a, b = replays("x/a", "x/b")
    for _ in range(2):
        assert cli.run("parse", a, b).returncode == 0
    records = found(cli, "a.replay")
    assert [(Path(each["replay"]).name, each["cached"]) for each in records] == [
        ("a.replay", False),
        ("a.replay", True),
    ]
    assert len({each["taskId"] for each in records}) == 2
    first = records[0]
    for name in (first["taskId"], first["hash"], first["hash"][:8], first["replay"], "x/a.replay"):
        assert first in found(cli, name), name
    assert found(cli, first["taskId"]) == [first]
    assert len(found(cli, "a.replay", "b.replay")) == 4


def test_the_table_says_when_who_and_what(cli: CommandLine, replays: Write) -> None:
    cli.run("parse", *replays("a", "refused"))
    text = cli.run("audit", "a.replay").stdout.decode()
    assert " ok " in text.splitlines()[0]
    assert "  parser stub 1.0\n" in text
    assert "  written parsed/stub/1.0/" in text
    refused = cli.run("audit", "refused.replay").stdout.decode()
    assert " parser_failed " in refused.splitlines()[0]
    assert "  error: " in refused


def record(cli: CommandLine, **fields: Any) -> None:
    """A line in the audit of this machine; of a task of `a.replay` unless ``fields`` say else."""
    given = {"caller": "c", "task_id": "t1", "replay": "", "acts": Acts(), "result": "ok", **fields}
    file = cli.home / ".local/share/parsekit/audit.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.write(line_of(AuditEvent(**{"at_unix": time.time(), **given})))


def test_what_was_done_with_its_task_later_belongs_to_a_replay(cli: CommandLine) -> None:
    record(cli, task_id="t0", acts=Acts(sent=("cancellation",)))
    record(cli, replay="replays/a.replay")
    record(cli, task_id="t1.shadow", acts=Acts(sent=("parser other",)))
    record(cli, task_id="t2", replay="replays/b.replay")
    record(cli, caller="cli cancel", acts=Acts(sent=("cancellation",)))
    records = found(cli, "replays/a.replay")
    assert [each["taskId"] for each in records] == ["t1", "t1.shadow", "t1"]
    assert records[-1]["caller"] == "cli cancel"
    assert [each["taskId"] for each in found(cli, "t1")] == ["t1", "t1.shadow", "t1"]


def test_a_name_with_signs_that_are_escaped_is_found(cli: CommandLine) -> None:
    name = 'Grüße "$HOME" \\ `x`.replay'
    record(cli, replay=f"replays/{name}")
    assert [each["replay"] for each in found(cli, name)] == [f"replays/{name}"]


def test_since_leaves_out_what_is_older(cli: CommandLine) -> None:
    record(cli, at_unix=time.time() - 7200, result="waiting")
    record(cli)
    assert [each["result"] for each in found(cli, "t1")] == ["waiting", "ok"]
    assert [each["result"] for each in found(cli, "t1", "--since", "1h")] == ["ok"]


def test_files_set_aside_and_of_other_machines_are_searched(cli: CommandLine) -> None:
    data = cli.home / ".local/share/parsekit"
    record(cli, result="waiting")
    (data / "audit.jsonl").rename(data / "audit.jsonl.2")
    record(cli)
    assert [each["result"] for each in found(cli, "t1")] == ["waiting", "ok"]
    copy = cli.folder / "other"
    data.rename(copy)
    assert len(found(cli, "t1", "--file", copy)) == 2
    assert len(found(cli, "t1", "--file", copy / "audit.jsonl")) == 1
    done = cli.run("audit", "t1", "--file", "nowhere")
    assert (done.returncode, b"there is no file of audit records" in done.stderr) == (2, True)


def test_what_is_on_no_record_is_said_and_is_exit_1(cli: CommandLine) -> None:
    assert b"no record of t1 in the audit, which has no file yet" in cli.run("audit", "t1").stderr
    record(cli)
    done = cli.run("audit", "no-such-task")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no record of no-such-task in " in done.stderr


def test_damage_and_strangers_names_do_no_harm(cli: CommandLine) -> None:
    record(cli, replay="\x1b[2J\u202ea.replay")
    with (cli.home / ".local/share/parsekit/audit.jsonl").open("ab") as out:
        out.write(b'{"taskId":"t1"}\n\xff\n{"at":"20')
    done = cli.run("audit", "t1")
    assert done.returncode == 0
    assert not {"\x1b", "\u202e"} & set(done.stdout.decode())
    assert b"3 lines without an audit record: audit.jsonl:2: no audit record" in done.stderr
