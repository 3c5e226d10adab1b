"""Replays that end, block or bloat the parser: each fails alone, and the worker stays."""

from __future__ import annotations

import os
import signal
import time

import pytest

from parsekit import errors
from parsekit.testing.deployment import poll

HOSTILE = {
    "crash": (errors.PoisonReplay, "SIGSEGV"),
    "hang": (errors.ParserTimeout, "limits.parse_seconds"),
    "hoard": (errors.ParserFailed, "limits.parse_memory"),
    "bloat": (errors.ParserFailed, "more than 2 MiB about one replay"),
    "leave": (errors.PoisonReplay, "ended its process"),
}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_worker_outlives_every_kind_of_replay(
    make_service, redis_server, redis_client, pool: str
):
    url = redis_server.url()
    limits = {"parse_seconds": 3, "parse_memory": 512 << 20}
    service = make_service({"parser": "fragile", "limits": limits, "celery": {"broker": url}})
    service.caller.conf.result_backend = url
    worker = service.worker("--concurrency", "2", "--pool", pool).ready()
    pid = worker.pid
    sent = {
        name: service.send(service.replay(name, seed=place))
        for place, name in enumerate([*HOSTILE, "fine"])
    }
    assert sent.pop("fine").get(timeout=60)["data"] == {"fine": True}
    for name, (kind, words) in HOSTILE.items():
        with pytest.raises(kind, match=words):
            sent[name].get(timeout=60)
    assert service.send(service.replay("last", seed=9)).get(timeout=60)["data"] == {"fine": True}
    assert worker.process.poll() is None
    assert worker.pid == pid
    assert "Traceback" not in worker.text()


def test_a_replay_that_has_its_parser_listen_no_more_holds_no_slot(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    service.worker("--pool", "threads", "--concurrency", "1").ready()
    wedge = service.send(service.replay("wedge"))
    assert wedge.get(timeout=30)["data"] == {"fine": False}
    task = service.send(service.replay("fine", seed=2))
    assert task.get(timeout=60)["data"] == {"fine": True}
    assert not any(e["status"] == "Error" for e in service.progress(task.id))


def test_a_parse_whose_process_somebody_ends_is_done_once_more(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    worker = service.worker("--pool", "threads", "--concurrency", "1").ready()
    task = service.send(service.replay("slow"))
    poll(lambda: worker.children)
    time.sleep(1)  # until it parses
    for child in worker.children:
        os.kill(child, signal.SIGKILL)
    assert task.get(timeout=30)["data"] == {"fine": True}
    assert [e["status"] for e in service.progress(task.id)][-1] == "Complete"
    assert not any(e["status"] == "Error" for e in service.progress(task.id))
    assert redis_client.hlen("parsekit:dead-letters") == 0


def test_a_crash_of_one_replay_is_not_counted_against_the_next(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    service.worker("--concurrency", "2").ready()
    crash = service.send(service.replay("crash"))
    fine = [service.send(service.replay(f"fine{n}", seed=n + 2)) for n in range(4)]
    with pytest.raises(errors.PoisonReplay, match=r"was put aside after 3 tries: .* crashed"):
        crash.get(timeout=60)
    assert all(task.get(timeout=60)["data"] == {"fine": True} for task in fine)
    assert [key.decode() for key in redis_client.hkeys("parsekit:dead-letters")] == [crash.id]
