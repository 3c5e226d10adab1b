"""Submit, cancel, dead letters and health, as an operator uses them."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.error
import urllib.request

import pytest
from celery.exceptions import TaskRevokedError

from devkit.command_line import CommandLine
from devkit.deployment import poll
from devkit.servers.process import free_port
from devkit.servers.valkey import valkey
from devkit.terminal import ESCAPES, Terminal


@pytest.fixture(params=["redis", "rabbitmq"])
def any_service(request):
    return request.getfixturevalue("service" if request.param == "redis" else "rabbit_service")


def test_submit_uploads_files_and_prints_outcomes(any_service, tmp_path):
    any_service.worker().ready()
    any_service.remote_is(slow_s=2)
    any_service.replay("stored", seed=2)
    local = tmp_path / "mine.replay"
    local.write_bytes((any_service.store / any_service.replay("tmp", seed=1)).read_bytes())
    done = any_service.command("submit", str(local), "replays/stored.replay", "replays/none.replay",
        "--format", "jsonl", "--follow",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    outcomes = {o["replay"]: o for o in map(json.loads, done.stdout.splitlines())}
    assert outcomes[str(local)]["ok"]
    assert outcomes[str(local)]["data"]["sha256"] == outcomes[str(local)]["hash"]
    assert outcomes["replays/stored.replay"]["ok"]
    assert outcomes["replays/none.replay"]["error"]["code"] == "replay_not_found"
    assert f"{local} started" in done.stderr
    assert "3 replays in " in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].endswith(": 2 parsed, 1 failed")


def test_what_was_sent_is_followed_beside_what_can_not_be_sent(service, tmp_path):
    service.worker().ready()
    local, large = tmp_path / "b.replay", tmp_path / "a-big.replay"
    local.write_bytes((service.store / service.replay("tmp")).read_bytes())
    with large.open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    names = [str(local), str(large), "a//b.replay"]
    done = service.command("submit", *names, "--format", "jsonl")
    assert done.returncode == 1, done.stderr
    told = {
        o["replay"]: (o["error"] or {}).get("code")
        for o in map(json.loads, done.stdout.splitlines())
    }
    assert told == dict(zip(names, (None, "replay_too_large", "bad_request"), strict=True))
    shown = service.command("submit", *names, "--follow")
    assert shown.returncode == 1, shown.stderr
    assert f"{large} replay_too_large: {large} has 41943040 bytes" in shown.stdout
    assert f"{local} parsed/" in shown.stdout


def test_many_are_followed_on_a_terminal_by_a_bar_and_a_summary(service, tmp_path):
    service.worker("--concurrency", "4").ready()
    service.remote_is(pending_s=1)
    keys = [service.replay(f"r{seed}", seed=seed) for seed in range(8)]
    cli = CommandLine(folder=tmp_path, home=tmp_path, settings=service.environ)
    code, shown = Terminal(cli).run("submit", "--follow", *keys, "replays/none.replay")
    text = ESCAPES.sub("", shown)
    assert code == 1
    assert "/9, 1 failed" in text
    assert re.search(r"started|waiting: ", text)
    for key in keys:
        assert len(re.findall(rf"{key} parsed/", text)) == 1
        assert f"{key} started" not in text
    assert text.splitlines()[-1].endswith(": 8 parsed, 1 failed")


def test_an_interrupted_back_fill_goes_on_from_its_manifest(service, tmp_path, redis_client):
    for seed in range(6):
        service.replay(f"r{seed}", seed=seed)
    keys = [f"replays/r{seed}.replay" for seed in range(6)]
    manifest = tmp_path / "manifest.jsonl"
    line = ["submit", "--bulk", "--format", "jsonl", "--manifest", str(manifest), *keys]
    first = service.run(*line)
    poll(lambda: manifest.exists() and manifest.read_text().count('"sent"') == 6)
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(20) == 130
    queued = redis_client.llen("replay-parse-bulk")
    sent = service.command(*line[:2], *line[4:])  # without waiting for outcomes
    assert (sent.returncode, len(sent.stdout.splitlines())) == (0, 6), sent.stderr
    assert redis_client.llen("replay-parse-bulk") == queued == 6
    service.worker().ready()
    again = service.command(*line)
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == 6
    assert len(service.uploads) == 6
    third = service.command(*line)
    assert (third.returncode, third.stdout) == (0, "")


def test_cancel_ends_what_is_queued_waiting_and_running(service):
    service.remote_is(pending_s=300)
    keys = [service.replay(f"r{seed}", seed=seed) for seed in range(3)]
    queued = service.send(keys[0])
    assert service.command("cancel", queued.id).returncode == 0
    with pytest.raises(TaskRevokedError):
        queued.get(timeout=30)
    service.worker().ready()
    waiting = service.send(keys[1])
    poll(lambda: waiting.state == "WAITING")
    service.remote_is(slow_s=4)
    running = service.send(keys[2])
    poll(lambda: running.state == "STARTED")
    assert service.command("cancel", waiting.id, running.id).returncode == 0
    for task in (waiting, running):
        with pytest.raises(TaskRevokedError):
            task.get(timeout=30)
    for task in (queued, waiting, running):
        told = poll(lambda task=task: [e for e in service.progress(task.id) if e["error"]])
        assert [e["status"] for e in told] == ["Error"]
        values = [e["progress"]["value"] for e in service.progress(task.id)]
        assert values == sorted(values)
    late = service.command("cancel", waiting.id)
    assert late.returncode == 0
    assert running.state == "REVOKED"


def test_cancel_names_the_tasks_that_nobody_knows(any_service, redis_client):
    queued = any_service.send("replays/never.replay")
    by_node = json.dumps({"headers": {"id": "by-node"}}, separators=(",", ":"))
    redis_client.rpush("replay-parse\x06\x163", *[by_node] * 600)
    found = any_service.command("cancel", "foo", queued.id, "py")
    if any_service.config["celery"]["broker"].startswith("amqp"):  # nobody can look into a queue
        assert found.returncode == 0
        assert "foo cancelled, should it be queued: no worker has met it" in found.stdout
        return
    assert found.returncode == 1
    assert found.stdout == f"{queued.id} cancelled\n"
    told = "is not known: it neither waits nor runs, and did not end within the last day"
    assert found.stderr.splitlines()[1:] == [f"{name} {told}" for name in ("foo", "py")]
    assert not redis_client.exists("celery-task-meta-foo")
    assert any_service.command("cancel", "by-node").stdout == "by-node cancelled\n"


def test_dead_letters_are_listed_retried_once_the_parser_is_mended_and_dropped(any_service):
    service = any_service
    service.configure(parser="fragile")
    worker = service.worker("--concurrency", "2").ready()
    tasks = [service.send(service.replay(f"crash{n}", seed=n)) for n in range(2)]

    def listed() -> set[str]:
        told = service.command("dead-letters", "list", "--format", "json")
        return {letter["task_id"] for letter in json.loads(told.stdout)}

    poll(lambda: listed() == {task.id for task in tasks})
    table = service.command("dead-letters", "list").stdout
    assert "poison_replay" in table
    worker.stop()
    service.configure(fragile={"mended": True})
    service.worker("--concurrency", "2").ready()
    assert service.command("dead-letters", "retry", tasks[0].id).returncode == 0
    poll(lambda: [e for e in service.progress(tasks[0].id) if e["status"] == "Complete"])
    ids = poll(lambda: two if len(two := ids_of_ends(service, tasks[0].id)) == 2 else [])
    assert len(set(ids)) == 2  # who drops repeats hears of the success, too
    assert service.command("dead-letters", "drop", tasks[1].id).returncode == 0
    assert service.command("dead-letters", "list").stdout == ""
    assert service.command("dead-letters", "drop", "nobody").returncode == 1


def ids_of_ends(service, task_id: str) -> list[str]:
    return [event["id"] for event in service.analytics(task_id)]


def test_health_tells_a_live_a_frozen_and_a_cut_off_worker_apart(make_service, tmp_path):
    with valkey(tmp_path / "own") as server:
        service = make_service({"celery": {"broker": server.url(), "backend": server.url()}})
        assert service.command("health", "--live").returncode == 1
        port = free_port()
        worker = service.worker("--http", str(port)).ready()
        poll(lambda: service.command("health", "--ready").returncode == 0)
        assert page(port, "/healthz") == 200
        assert page(port, "/readyz") == 200
        assert page(port, "/metrics") == 200
        server.signal(signal.SIGSTOP)
        poll(lambda: service.command("health", "--ready").returncode == 1)
        assert service.command("health", "--live").returncode == 0
        assert page(port, "/healthz") == 200
        assert page(port, "/readyz") == 503
        server.signal(signal.SIGCONT)
        poll(lambda: service.command("health", "--ready").returncode == 0)
        assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
        both = service.command("health")
        assert both.stdout.split("\n") == [
            *(f"worker {worker.pid} {kind}: ok" for kind in ("live", "ready")),
            "",
        ]
        worker.signal(signal.SIGSTOP)
        poll(lambda: service.command("health", "--live").returncode == 1)
        worker.signal(signal.SIGCONT)
        poll(lambda: service.command("health", "--live").returncode == 0)


def page(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_embedded_mode_needs_nothing_else(make_service, tmp_path):
    service = make_service({})
    no_worker = service.command("submit", service.replay("one"))
    assert no_worker.returncode == 2
    assert "parsekit worker --embedded" in no_worker.stderr
    worker = service.worker("--embedded").ready()
    done = service.command("submit", "replays/one.replay", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 25
    again = service.worker().ready()
    assert "embedded" in again.text()
    done = service.command("submit", "replays/one.replay", "--format", "jsonl")
    assert json.loads(done.stdout)["cached"]
