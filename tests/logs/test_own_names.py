"""Secrets that are ordinary words are masked in free text, and nowhere else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from devkit.servers.valkey import valkey
from parsekit import errors

from .leaks import Secrets, World, replay


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "leaky").write_text("parsekit")
    (tmp_path / "valkey").mkdir()
    with valkey(tmp_path / "valkey") as server:
        made = World(tmp_path, Secrets(tmp_path / "secrets"), f"redis://127.0.0.1:{server.port}")
        yield made
        for one in made.made:
            one.close()


def test_a_secret_that_is_a_word_spoils_no_member_of_the_contract(world: World) -> None:
    service = world.deployment("words", parser="leaky")
    # One is a part of a class's module and of the worker's name, the other of a result's key.
    service.environ["AWS_SECRET_ACCESS_KEY"] = "parsed"
    worker = service.worker("--log-level", "debug", "--concurrency", "2").ready()
    good = service.send(replay(service, "fine"))
    assert good.get(timeout=60)["outputPath"].startswith("parsed/leaky/")
    bad = service.send(replay(service, "rejects"), task_id="parsekit-task")
    with pytest.raises(errors.RemoteRejected, match=r"https://\*\*\*@host refuses"):
        bad.get(timeout=60)
    with redis.Redis.from_url(f"{world.redis_url}/0") as client:
        meta = json.loads(client.get("celery-task-meta-parsekit-task"))
    assert meta["result"]["exc_module"] == "parsekit.errors"
    assert (meta["result"]["code"], meta["task_id"]) == ("remote_rejected", "parsekit-task")
    worker.stop()
    assert f"parsekit-{worker.pid}@{socket.gethostname()} ready." in worker.text()
    assert "parsekit-task" in worker.text()
    audit = (service.folder / "data" / "parsekit" / "audit.jsonl").read_text()
    assert '"written":["parsed/leaky/' in audit.replace(" ", "")
