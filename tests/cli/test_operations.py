"""What a user does by a command that is no task's run is in the audit as well."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from devkit.command_line import CommandLine
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.testing import write_replay
from parsekit.worker.dead_letters import DeadLetter, DeadLetters
from parsekit.worker.redis.keys import DEAD_LETTERS

REPLAY = "replays/stored.replay"
#: What every record has, unless a test says otherwise.
EMPTY: dict[str, Any] = {
    **{acts: [] for acts in ("lookedAt", "read", "written", "removed", "sent")},
    **dict.fromkeys(("taskId", "replay", "parser", "parserVersion", "hash"), ""),
    "result": "ok",
    "error": None,
    "cached": False,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def service(cli: CommandLine, server: ValkeyServer) -> CommandLine:
    """Commands of a service whose worker is not at work, and one request that was put aside."""
    with redis.Redis.from_url(server.url()) as client:
        client.flushall()
        letter = DeadLetter(
            task_id="put-aside",
            kwargs={"replayObjectPath": REPLAY},
            code="poison_replay",
            error="it ended its worker",
            at_unix=0.0,
        )
        DeadLetters(client).put(letter)
    stored = cli.home / ".local/share/parsekit/results" / REPLAY
    stored.parent.mkdir(parents=True)
    write_replay(stored, frames=0)
    return replace(cli, settings={**cli.settings, "PARSEKIT__CELERY__BROKER": server.url()})


def records(cli: CommandLine) -> list[dict[str, Any]]:
    (file,) = cli.home.rglob("audit.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def done(cli: CommandLine, *command: str | Path, code: int = 0) -> list[dict[str, Any]]:
    """Run a command; what it did, without the time and the caller, which are looked at here."""
    ran = cli.run(*command)
    assert ran.returncode == code, ran.stderr
    found = records(cli)
    name = " ".join(map(str, command[: 2 if command[0] == "dead-letters" else 1]))
    for record in found:
        assert record.pop("at")
        assert record.pop("caller") == f"cli {name} {getpass.getuser()}@{platform.node()}"
    return found


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        pytest.param(
            ("submit", "--manifest", "m.jsonl", REPLAY),
            0,
            [
                {"replay": REPLAY, "lookedAt": [REPLAY]},
                {"replay": REPLAY, "sent": ["queue replay-parse"]},
            ],
            id="submit",
        ),
        pytest.param(
            ("submit", "--manifest", "m.jsonl", "--bulk", REPLAY),
            0,
            [
                {"replay": REPLAY, "lookedAt": [REPLAY]},
                {"replay": REPLAY, "sent": ["queue replay-parse-bulk"]},
            ],
            id="submit --bulk",
        ),
        pytest.param(
            ("cancel", "some-task"),
            1,
            [
                {
                    "taskId": "some-task",
                    "result": "failed",
                    "error": "the task is not known: it neither waits nor runs, and did not end "
                    "within the last day",
                }
            ],
            id="cancel",
        ),
        pytest.param(("dead-letters", "list"), 0, [{"read": ["dead letters"]}], id="list"),
        pytest.param(
            ("dead-letters", "drop", "put-aside"),
            0,
            [{"taskId": "put-aside", "replay": REPLAY, "removed": ["dead letter"]}],
            id="drop",
        ),
        pytest.param(
            ("dead-letters", "retry", "nobody", "put-aside"),
            1,
            [
                {
                    "taskId": "nobody",
                    "result": "failed",
                    "error": "is not among the dead letters",
                },
                {"taskId": "put-aside", "replay": REPLAY, "removed": ["dead letter"]},
                {"taskId": "put-aside", "replay": REPLAY, "sent": ["queue replay-parse"]},
            ],
            id="retry",
        ),
    ],
)
def test_a_command_of_the_service_is_on_record(
    service: CommandLine, command: tuple[str, ...], code: int, expected: list[dict[str, Any]]
) -> None:
    found = done(service, *command, code=code)
    if command[0] == "submit":
        (entry,) = map(json.loads, (service.folder / "m.jsonl").read_text().splitlines()[:1])
        expected = [{**record, "taskId": entry["task_id"]} for record in expected]
    assert found == [{**EMPTY, **record} for record in expected]


def test_an_upload_is_on_record_before_the_task_is_sent(
    service: CommandLine, replays: Callable[..., list[Path]]
) -> None:
    (path,) = replays("mine")
    upload, sent = done(service, "submit", path)
    assert (upload["read"], upload["replay"]) == ([str(path)], str(path))
    assert upload["written"] == [sent["replay"]]
    assert sent["replay"].startswith("replays/")
    assert upload["taskId"] == sent["taskId"]
    *_, again, _ = done(service, "submit", path)
    assert (again["read"], again["written"]) == ([str(path)], []), "it was there already"


def test_an_upload_that_fails_is_on_record(
    service: CommandLine, replays: Callable[..., list[Path]]
) -> None:
    (path,) = replays("mine")
    nowhere = {**service.settings, "PARSEKIT__FOLDER__PATH": "/proc/nowhere"}
    (upload,) = done(replace(service, settings=nowhere), "submit", path, code=1)
    assert (upload["result"], upload["written"]) == ("storage_unavailable", [])
    assert "/proc/nowhere" in upload["error"]


def test_a_request_that_can_not_be_sent_is_put_aside_again(
    service: CommandLine, server: ValkeyServer
) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set("replay-parse", "where the queue should be")
        taken, sent, kept = done(service, "dead-letters", "retry", "put-aside", code=1)
        assert [letter.task_id for letter in DeadLetters(client).all()] == ["put-aside"]
    assert (taken["removed"], kept["written"]) == (["dead letter"], ["dead letter"])
    assert (sent["result"], sent["sent"]) == ("failed", [])


def test_a_list_that_can_not_be_read_is_on_record(
    service: CommandLine, server: ValkeyServer
) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.delete(DEAD_LETTERS)
        client.set(DEAD_LETTERS, "where the dead letters should be")
    (record,) = done(service, "dead-letters", "list", code=2)
    assert (record["result"], record["read"]) == ("failed", [])
    assert "WRONGTYPE" in record["error"]


def test_what_doctor_touches_is_on_record(service: CommandLine) -> None:
    (record,) = done(service, "doctor")
    assert record["written"] == record["read"] == record["removed"]
    assert [Path(key).parent.name for key in record["written"]] == ["doctor"]
    tried = {sent.split(":")[0] for sent in record["sent"]}
    assert {"check broker", "check result store"} <= tried
    assert record["result"] == "ok"


def test_what_doctor_finds_wrong_is_on_record(cli: CommandLine) -> None:
    away = {**cli.settings, "PARSEKIT__CELERY__BROKER": "redis://ann:Pa55word-x@127.0.0.1:1/0"}
    (record,) = done(replace(cli, settings=away), "doctor", code=1)
    assert (record["result"], record["error"]) == ("failed", "broker, result store")
    assert "Pa55word" not in json.dumps(record)
