"""``parsekit top`` beside real workers: Redis, RabbitMQ, and the embedded broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from celery import Celery
from rich.console import Console

from devkit.command_line import CommandLine
from devkit.deployment import Deployment, poll
from devkit.servers.rabbitmq import rabbitmq
from devkit.servers.valkey import valkey
from devkit.terminal import ESCAPES, SHOW_CURSOR, Terminal
from parsekit import Metric
from parsekit.cli.top_view import make_console, view
from parsekit.testing import believable_match, synthetic_replay
from parsekit.worker.addresses import embedded_url
from parsekit.worker.monitoring import aggregate
from parsekit.worker.monitoring.announcement import Announcement, MetricsSnapshot
from parsekit.worker.monitoring.children import Children
from parsekit.worker.monitoring.top import FactLine, QueueLine, Snapshot, WorkerLine, snapshot_of
from parsekit.worker.monitoring.waits import Wait

if TYPE_CHECKING:
    from parsekit.worker.monitoring.counters import ProcessNumbers
    from parsekit.worker.monitoring.queue_stats import Queues

PLUGINS = Path(__file__).parents[1] / "worker" / "plugins"


@pytest.fixture(scope="module", params=["redis", "rabbitmq", "embedded"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    root = tmp_path_factory.mktemp("top")
    if request.param == "embedded":
        yield from _deployment(root, {})
        return
    with ExitStack() as servers:
        broker = results = servers.enter_context(valkey(root / "valkey")).url()
        if request.param == "rabbitmq":
            request.getfixturevalue("rabbitmq_installed")
            broker = servers.enter_context(rabbitmq(root / "rabbitmq")).url()
        yield from _deployment(root, {"celery": {"broker": broker, "backend": results}})


def _deployment(root: Path, config: dict[str, Any]) -> Iterator[Deployment]:
    remote = root / "remote"
    remote.mkdir()
    (remote / "pending_s").write_text("600")
    environ = {"FAKE_REMOTE": str(remote), "PYTHONPATH": str(PLUGINS)}
    made = Deployment(root / "service", {"parser": "fake", **config}, environ)
    yield made
    made.close()


def test_shows_workers_queues_and_what_waits_and_why(service: Deployment) -> None:
    service.worker("--concurrency", "3").ready()
    key = service.put("one", synthetic_replay(believable_match(seed=1), frames=0))
    sent = service.command("submit", key)
    assert sent.returncode == 0, sent.stderr

    def waiting() -> dict[str, Any] | None:
        done = service.command("top", "--format", "json")
        shown: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return shown if shown.get("waits") and shown.get("queues") else None

    shown = poll(waiting, seconds=90)
    (worker,) = shown["workers"]
    assert (worker["parser"], worker["slots"], worker["away"]) == ("fake", 3, [])
    assert {queue["name"] for queue in shown["queues"]} == {
        *("replay-parse", "replay-parse-poll", "replay-parse-bulk", "replay-parse-bulk-poll")
    }
    (wait,) = shown["waits"]
    assert wait["replay"] == key
    assert wait["reason"]
    assert shown["waiting"] == 1
    table = service.command("top", "--once")
    assert table.returncode == 0, table.stderr
    assert wait["reason"] in table.stdout
    assert worker["name"] in table.stdout


def test_is_live_on_a_terminal_until_ctrl_c(tmp_path: Path) -> None:
    with valkey(tmp_path / "server") as server:
        url = server.url()
        celery = {"celery": {"broker": url, "backend": url}}
        with contextmanager(_deployment)(tmp_path, celery) as service:
            (tmp_path / "remote" / "pending_s").write_text("0")
            service.worker("--concurrency", "1").ready()
            body = synthetic_replay(believable_match(seed=1), frames=0)
            for _ in range(3):
                service.send(service.put("one", body)).get(timeout=60)
            poll(lambda: _line(service)["tasks_per_minute"])
            worker = _line(service)
            cli = CommandLine(folder=tmp_path, home=tmp_path, settings=service.environ)
            options = ("--every", "0.5")
            code, text = Terminal(cli).run("top", *options, press_ctrl_c_at=("replay-parse-bulk",))
    assert (worker["tasks"], worker["cached"], worker["failed"]) == (3, 2, 0)
    assert code == 130
    assert worker["name"].split(":")[0] in ESCAPES.sub("", text)
    assert text.rfind(SHOW_CURSOR) > text.rfind("\x1b[?25l")
    assert "Traceback" not in text


#: Runs the command line and prints, last on standard error, the modules that it imported.
PROBE = """
import sys
from parsekit.cli.app import run
run()
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def test_a_look_loads_no_framework_no_plugin_and_no_driver(service: Deployment) -> None:
    """They are most of what a look would cost."""
    service.worker("--concurrency", "3").ready()
    poll(lambda: json.loads(service.command("top", "--format", "json").stdout)["workers"])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "top", "--format", "json"],
        env={**os.environ, **service.environ},
        capture_output=True,
        timeout=60,
        check=True,
    )
    modules = set(done.stderr.decode().splitlines()[-1].split())
    assert json.loads(done.stdout)["workers"]
    assert "pydantic" in modules
    heavy = {"celery", "kombu", "redis", "opentelemetry", "asyncio", "pluggy", "fsspec", "rich"}
    assert not modules & heavy
    assert not {name for name in modules if name.startswith("parsekit_")}


def test_what_is_in_celerys_default_queue_is_counted(service: Deployment) -> None:
    service.worker("--concurrency", "3").ready()
    embedded = embedded_url(Path(service.environ["XDG_DATA_HOME"]) / "parsekit")
    broker = service.config.get("celery", {}).get("broker", embedded)
    with Celery("caller", broker=broker) as caller:
        caller.send_task("parseReplay", queue="celery", ignore_result=True)

    def misplaced() -> int:
        return int(json.loads(service.command("top", "--format", "json").stdout)["misplaced"])

    assert poll(misplaced) == 1


def _line(service: Deployment) -> dict[str, Any]:
    (worker,) = json.loads(service.command("top", "--format", "json").stdout)["workers"]
    return dict(worker)


def test_shows_budget_and_events_that_say_something() -> None:
    text = "Looks that still fit."
    left = FactLine(name="parsekit_left", help=text, labels={"window": "1h"}, value=198.0)
    text = "Messages that were dropped."
    never = FactLine(name="parsekit_drops", help=text, labels={"reason": "expired"}, value=0.0)
    text = shown(
        Snapshot(
            at_unix=0.0,
            workers=(),
            queues=(),
            waiting=0,
            waits=(),
            dead_letters=0,
            facts=(left, never),
        )
    )
    assert "Looks that still fit (1h) 198" in " ".join(text.split())
    assert "dropped" not in text


def said(worker: str, *metrics: Metric) -> Announcement:
    snapshot = MetricsSnapshot(metrics=metrics)
    return Announcement(
        worker=worker,
        at_unix=0.0,
        pool="threads",
        parser="fake",
        queues=("q",),
        tasks_per_minute=0.0,
        snapshot=snapshot,
    )


def test_a_number_that_a_plugin_can_not_tell_leaves_json_json() -> None:
    odd = [Metric(name="parsekit_x_ratio", help="Of none.", value=v) for v in (nan, inf)]
    text = json.dumps(snapshot_of([said("a", odd[0]), said("b", odd[1])]).to_json())
    shown = json.loads(text, parse_constant=pytest.fail)
    assert [fact["value"] for fact in shown["facts"]] == [None]


def test_limits_of_several_workers_are_not_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "_run_limit_s", lambda: 420.0)
    snapshot = aggregate.WorkerNumbers(
        own=cast("ProcessNumbers", SimpleNamespace(now=MetricsSnapshot)),
        children=Children(tmp_path),
        queues=cast("Queues", SimpleNamespace(metrics=list)),
        away=dict,
        slots=2,
    ).now()
    facts = snapshot_of([said("a", *snapshot.metrics), said("b", *snapshot.metrics)]).facts
    assert [f.value for f in facts if f.name == "parsekit_run_limit_seconds"] == [420.0]


def test_without_a_worker_says_so_and_exits_1(tmp_path: Path) -> None:
    with valkey(tmp_path / "server") as server:
        url = server.url()
        for service in _deployment(tmp_path, {"celery": {"broker": url, "backend": url}}):
            done = service.command("top", "--once")
    assert done.returncode == 1
    assert "no worker is heard" in done.stdout


def test_a_server_that_is_away_is_an_error_in_words(tmp_path: Path) -> None:
    url = "redis://127.0.0.1:1/0"
    for service in _deployment(tmp_path, {"celery": {"broker": url, "backend": url}}):
        done = service.command("top", "--once")
    assert done.returncode != 0
    assert "is the server up" in done.stderr
    assert "Traceback" not in done.stderr


def test_eighty_columns_hold_every_name_whole() -> None:
    worker = WorkerLine(
        name="parsekit-worker-6f7d9c5b4-x8k2p:27651:1f",
        parser="ballchasing",
        pool="threads",
        queues=("replay-parse",),
        running=17,
        slots=20,
        longest_run_s=59.0,
        tasks=123_456,
        failed=1234,
        cached=23_456,
        tasks_per_minute=123.4,
        away=("storage", "broker"),
    )
    moment = Snapshot(
        at_unix=0.0,
        workers=(worker,),
        queues=(QueueLine(name="replay-parse-bulk-poll", messages=4, oldest_s=12.0),),
        waiting=0,
        waits=(),
        dead_letters=1,
        facts=(),
    )
    lines = shown(moment, width=80).splitlines()
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("1 worker, 17 of 20 slots at work, 123.4 tasks/min")
    assert lines[1].startswith("4 messages in queues (counted every six seconds), 0 tasks put off")
    assert "1 dead letter: see `parsekit dead-letters list`" in lines
    assert f"{worker.name}: no storage, no broker" in lines
    start = next(number for number, line in enumerate(lines) if "cached" in line) + 1
    end = next(number for number, line in enumerate(lines) if line.startswith("queues"))
    name, *values = lines[start].split()
    assert values == ["ballchasing", "17/20", "59", "s", "123.4", "123456", "23456", "1234"]
    assert name + "".join(map(str.strip, lines[start + 1 : end])) == worker.name


def shown(snapshot: Snapshot, width: int = 160, most_workers: int | None = None) -> str:
    console: Console = make_console()
    console.width = width
    with console.capture() as captured:
        console.print(view(snapshot, most_workers))
    return captured.get()


def test_eighty_columns_hold_the_ids_of_what_waits_below_all_else() -> None:
    ids = [f"5f0c1c1e-6b1e-4b1e-9b1e-{number:012d}" for number in range(10)]
    why = "the account's uploads of this hour are used up, the next one fits at 18:32"
    waits = tuple(
        Wait(task_id=each, replay=f"replays/{'0' * 64}.replay", reason=why, until_unix=10.0)
        for each in ids
    )
    held = FactLine(name="parsekit_held_bytes", help="Bytes held.", labels={}, value=12_345_678.0)
    moment = Snapshot(
        at_unix=0.0,
        workers=(),
        queues=(),
        waiting=10,
        waits=waits,
        dead_letters=0,
        facts=(held,),
    )
    text = shown(moment, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert [each for each in ids if each in text] == ids
    assert text.index("12,345,678") < text.index(ids[0])


def test_a_screen_shows_some_workers_of_a_fleet_and_all_else() -> None:
    fleet = tuple(
        WorkerLine(
            name=f"worker-{number:03d}",
            parser="fake",
            pool="threads",
            queues=("q",),
            running=1,
            slots=2,
            longest_run_s=float(number),
            tasks=1,
            failed=0,
            cached=0,
            tasks_per_minute=3.0,
            away=("broker",),
        )
        for number in range(200)
    )
    moment = Snapshot(
        at_unix=0.0,
        workers=fleet,
        queues=(QueueLine(name="replay-parse", messages=4, oldest_s=12.0),),
        waiting=0,
        waits=(),
        dead_letters=0,
        facts=(),
    )
    text = shown(moment, width=80, most_workers=8)
    assert "200 workers, 200 of 400 slots" in text
    assert "and 190 more workers miss a server" in text
    assert "workers (192 more have younger runs)" in text
    assert "worker-199 " in text
    assert text.index("worker-199 ") < text.index("worker-192 ") < text.index("replay-parse")
    assert len(text.splitlines()) < 30
    assert shown(moment).count("worker-") > 200


def test_names_of_others_are_no_markup_and_no_escapes() -> None:
    evil = "[/red]\x1b[2J:bomb:"
    worker = WorkerLine(
        name=evil,
        parser=evil,
        pool="thread",
        queues=(evil,),
        running=1,
        slots=2,
        longest_run_s=4000.0,
        tasks=1,
        failed=0,
        cached=0,
        tasks_per_minute=3.0,
        away=("broker",),
    )
    wait = Wait(task_id=evil, replay=evil, reason=evil, until_unix=10.0)
    text = shown(
        Snapshot(
            at_unix=0.0,
            workers=(worker,),
            queues=(QueueLine(name=evil, messages=1, oldest_s=130.0),),
            waiting=1,
            waits=(wait,),
            dead_letters=2,
            facts=(),
        )
    )
    assert "[/red]" in text
    assert ":bomb:" in text
    assert "\x1b[2J" not in text
    assert "no broker" in text
    assert "2 dead letters" in text
