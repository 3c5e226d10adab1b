"""What a real worker writes: every line on standard error is one JSON object, whoever wrote it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import states

from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.batch.cores import REMOTE_SLOTS
from parsekit.logs.fields import FIELDS
from parsekit.testing import believable_match, synthetic_replay

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as made:
        yield made


@pytest.fixture
def service(tmp_path: Path, server: ValkeyServer, request: pytest.FixtureRequest) -> Iterator[Any]:
    (tmp_path / "token").write_text("Leaky-token-0123456789")
    (tmp_path / "service").mkdir()
    queue = f"q-{abs(hash(request.node.name))}"
    made = Deployment(
        tmp_path / "service",
        {
            "parser": "leaky",
            "celery": {"broker": server.url(), "backend": server.url(), "queue": queue},
        },
        {"PYTHONPATH": str(PLUGINS), "LEAKY_TOKEN": str(tmp_path / "token")},
    )
    yield made
    made.close()


def lines(worker: WorkerProcess) -> list[dict[str, Any]]:
    """All lines; fails for one that is no JSON object."""
    rows = worker.text().split("\n")
    found = [json.loads(row) for row in rows if row]
    assert all(isinstance(line, dict) for line in found)
    assert {name for line in found for name in line} <= {field.name for field in FIELDS}
    return found


def audit(service: Deployment) -> list[dict[str, Any]]:
    file = service.folder / "data" / "parsekit" / "audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def run(service: Deployment, name: str) -> str:
    """Parse the replay of this name to its end; the task's id."""
    body = synthetic_replay(believable_match(seed=3, team_size=1), frames=0)
    result = service.send(service.put(name, body))
    poll(lambda: result.state in states.READY_STATES)
    return str(result.id)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_each_step_is_a_line_with_task_replay_parser_attempt_time_and_outcome(
    service: Deployment, pool: str
) -> None:
    worker = service.worker("--pool", pool, "--concurrency", "2").ready()
    task_id = run(service, "fine")
    again = run(service, "fine")
    worker.stop()
    steps = {
        task: [line for line in lines(worker) if "step" in line and line["task_id"] == task]
        for task in (task_id, again)
    }
    told = [(line["step"], line["outcome"]) for line in steps[task_id]]
    assert told == [
        ("look up", "miss"),
        ("fetch", "ok"),
        ("check", "ok"),
        ("parse", "ok"),
        ("store", "ok"),
        ("report", "ok"),
    ]
    assert [(line["step"], line["outcome"]) for line in steps[again]] == [
        ("look up", "hit"),
        ("report", "ok"),
    ]
    for line in steps[task_id]:
        assert (line["parser"], line["attempt"]) == ("leaky", 1)
        assert line["replay"] == "replays/fine.replay"
        assert len(line["hash"]) == 64
        assert line["duration_ms"] >= 0


def test_celery_and_libraries_write_through_the_same_formatter(service: Deployment) -> None:
    worker = service.worker().ready()
    task_id = run(service, "logs")
    worker.stop()
    by_logger: dict[str, list[dict[str, Any]]] = {}
    for line in lines(worker):
        by_logger.setdefault(line["logger"], []).append(line)
    assert "celery.apps.worker" in by_logger
    assert by_logger["leaky.library"][0]["task_id"] == task_id
    assert "py.warnings" in by_logger
    assert "in a thread" in by_logger["parsekit"][0]["traceback"]


def test_a_task_that_waits_keeps_its_caller_and_tells_why_it_waits(service: Deployment) -> None:
    worker = service.worker().ready()
    task_id = run(service, "waits")
    worker.stop()
    told = [line for line in lines(worker) if line.get("task_id") == task_id]
    assert [line["outcome"] for line in told if line.get("step") == "wait"] == ["*** is not ready"]
    records = [record for record in audit(service) if record["taskId"] == task_id]
    assert [record["result"] for record in records][-1] == "remote_rejected"
    (caller,) = {record["caller"] for record in records}
    assert caller.startswith(f"gen{os.getpid()}@")


def test_nothing_that_a_caller_sends_forges_a_line(service: Deployment) -> None:
    worker = service.worker().ready()
    evil = 'replays/a\n{"level":"info","message":"forged"}\n\x1b[2J.replay'
    carried = {"state": None, "until_unix": 0.0, "caller": evil, "again": "", "signature": evil}
    caller = {"parsekit_carried": carried, "origin": evil}
    service.send(evil, task_id='t\n{"forged":2}', headers=caller)  # is put aside
    result = service.send(evil, task_id='t","forged":"2', headers=caller)
    poll(lambda: result.state in states.READY_STATES)
    worker.stop()
    assert not [line for line in lines(worker) if line["message"] == "forged" or "forged" in line]
    (record,) = audit(service)
    assert record["result"] == "bad_request"


def test_text_is_for_people(service: Deployment) -> None:
    service.environ["PARSEKIT__LOGS__FORMAT"] = "text"
    worker = service.worker().ready()
    run(service, "fine")
    worker.stop()
    assert " info    parse ok (task_id=" in worker.text()


def test_a_level_that_does_not_exist_is_a_usage_error(service: Deployment) -> None:
    worker = service.worker("--log-level", "loud")
    assert worker.process.wait(60) == 2
    assert worker.text() == ("error: --log-level loud: choose debug, info, warning, error\n")


@pytest.mark.parametrize("parser", ["leaky", "leaky-local"])
def test_where_a_parser_raised_is_one_line_with_a_traceback(service: Deployment, parser: str):
    service.configure(parser=parser)
    worker = service.worker().ready()
    task_id = run(service, "raises")
    worker.stop()
    (line,) = [each for each in lines(worker) if each["logger"] == "parsekit.parsing"]
    assert (line["level"], line["task_id"]) == ("warning", task_id)
    assert line["message"] == f"parser {parser} raised"
    assert 'parsekit_leaky.py", line' in line["traceback"]
    assert "Leaky-token" not in worker.text()


def test_what_celery_prints_past_all_logging_is_a_line_like_any_other(service: Deployment) -> None:
    worker = service.worker().ready()
    worker.stop()
    told = {line["message"]: line["level"] for line in lines(worker)}
    assert told["worker: Warm shutdown (MainProcess)"] == "info"
    assert not [message for message in told if "superuser" in message]
    root = "the worker runs as root; give it a user of its own"
    assert (told.get(root) == "warning") == (os.geteuid() == 0)


def test_celery_s_own_command_writes_the_same_lines(service: Deployment, tmp_path: Path) -> None:
    log = tmp_path / "celery.log"
    command = [sys.executable, "-m", "celery", "-A", "parsekit.worker:app", "worker"]
    options = ["-P", "threads", "-l", "info", "-f", str(log)]
    worker = WorkerProcess([*command, *options], service.environ, tmp_path / "output")
    service.workers.append(worker)
    poll(lambda: log.exists() and " ready." in log.read_text())
    task_id = run(service, "fine")
    [stats] = service.caller.control.inspect(timeout=10).stats().values()
    assert stats["pool"]["max-concurrency"] == REMOTE_SLOTS
    worker.stop()
    found = [json.loads(row) for row in log.read_text().splitlines()]
    assert {line["step"] for line in found if line.get("task_id") == task_id and "step" in line}
