"""Replays that end, block or bloat the parser: each fails alone, and the worker stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsekit import errors

PARSER = '''
"""A local parser whose native code has a fault for every replay that asks for one."""
import ctypes

from parsekit import Parsed, ParserEntry, hookimpl


class Fragile:
    def __init__(self, context):
        del context

    def parse(self, replay, job):
        if "crash" in replay.name:
            ctypes.string_at(0)
        while "hang" in replay.name:
            pass
        kept = []
        while "hoard" in replay.name:
            kept.append(bytearray(64 << 20))
        if "leave" in replay.name:
            import os
            os._exit(0)
        return Parsed(data={"fine": True})


@hookimpl
def parsekit_register_parsers(register):
    create = "parsekit_fragile:Fragile"
    register(ParserEntry(name="fragile", version="1", create=create, runs="local"))
'''
HOSTILE = {
    "crash": (errors.ParserFailed, "SIGSEGV"),
    "hang": (errors.ParserTimeout, "limits.parse_seconds"),
    "hoard": (errors.ParserFailed, "limits.parse_memory"),
    "leave": (errors.ParserFailed, "ended its process"),
}


@pytest.fixture
def fragile(tmp_path: Path) -> Path:
    """A folder with the parser, installed as far as Python can tell."""
    info = tmp_path / "plugin" / "parsekit_fragile-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parsekit-fragile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[parsekit]\nfragile = parsekit_fragile\n")
    (info.parent / "parsekit_fragile.py").write_text(PARSER)
    return info.parent


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_worker_outlives_every_kind_of_replay(
    make_service, redis_server, redis_client, fragile: Path, pool: str
):
    url = redis_server.url()
    limits = {"parse_seconds": 3, "parse_memory": 512 << 20}
    service = make_service({"parser": "fragile", "limits": limits, "celery": {"broker": url}})
    service.caller.conf.result_backend = url
    service.environ["PYTHONPATH"] += os.pathsep + str(fragile)
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
