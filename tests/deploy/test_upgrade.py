"""What docs/upgrade.md promises to operators of the service before parsekit."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.api import open_session
from parsekit.config import CelerySettings
from parsekit.testing import believable_match, synthetic_replay

#: The service before parsekit, as far as a broker can tell: stock Celery with the same task.
OLD_SERVICE = """
import sys
from celery import Celery
app = Celery("old", broker=sys.argv[1], backend=sys.argv[1])
app.conf.task_default_queue = "replay-parse"
app.conf.broker_connection_retry_on_startup = True
@app.task(name="parseReplay")
def parse_replay(replayObjectPath, progressQueue=None):
    return {"parser": "old"}
quick = ["--without-mingle", "--without-gossip"]
app.worker_main(["worker", "--pool", "solo", "--loglevel", "INFO", *quick])
"""
TASKS = 12


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with valkey(tmp_path / "valkey") as started:
        yield started


@pytest.fixture
def service(tmp_path: Path, server: ValkeyServer) -> Iterator[Deployment]:
    config = {"celery": {"broker": server.url(), "backend": server.url()}}
    made = Deployment(tmp_path / "new", config)
    yield made
    made.close()


@pytest.fixture
def old_worker(service: Deployment, server: ValkeyServer) -> Callable[[], WorkerProcess]:
    def start() -> WorkerProcess:
        log = service.folder / f"old{len(service.workers)}.log"
        command = [sys.executable, "-c", OLD_SERVICE, server.url()]
        service.workers.append(WorkerProcess(command, service.environ, log))
        return service.workers[-1].ready()

    return start


def answers(service: Deployment) -> list[str]:
    """Send tasks of which each is answered; who did each of them."""
    body = synthetic_replay(believable_match(seed=1), frames=0)
    sent = [service.send(service.put(f"replay{number}", body)) for number in range(TASKS)]
    return [result.get(timeout=60)["parser"] for result in sent]


def test_the_configuration_of_the_old_service_is_taken_as_it_is(root: Path, tmp_path: Path) -> None:
    guide = (root / "docs/upgrade.md").read_text()
    [shown, *_] = re.findall(r"```json\n(.*?)```", guide, flags=re.DOTALL)
    (tmp_path / "parsekit.json").write_text(shown)
    config = open_session(tmp_path / "parsekit.json", data_dir=tmp_path).config
    assert config.section(CelerySettings).queue == "replay-parse"
    assert config.host.parser == json.loads(shown)["parser"] == "ballchasing"
    assert config.storage_name == "minio"


def test_old_and_new_workers_share_a_queue(
    service: Deployment, old_worker: Callable[[], WorkerProcess]
) -> None:
    old_worker()
    service.worker().ready()
    poll(lambda: {"old", "local"} <= set(answers(service)), seconds=100)


def test_the_new_service_takes_what_waited_for_the_old_one(service: Deployment) -> None:
    body = synthetic_replay(believable_match(seed=1), frames=0)
    waiting = service.send(service.put("waiting", body))
    service.worker().ready()
    assert waiting.get(timeout=60)["parser"] == "local"


def test_the_old_service_takes_over_again(
    service: Deployment, old_worker: Callable[[], WorkerProcess]
) -> None:
    new = service.worker().ready()
    assert set(answers(service)) == {"local"}
    new.stop()
    body = synthetic_replay(believable_match(seed=1), frames=0)
    waiting = service.send(service.put("waiting", body))
    old_worker()
    assert waiting.get(timeout=60) == {"parser": "old"}
    assert set(answers(service)) == {"old"}
