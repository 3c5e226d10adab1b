"""A worker and its storage: who runs tasks asks it; a fork finds nothing that its parent used."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.deployment import WorkerProcess, poll
from devkit.production import Production
from devkit.servers.process import free_port
from devkit.servers.seaweedfs import SeaweedServer, seaweedfs
from devkit.servers.valkey import ValkeyServer
from parsekit.testing import believable_match, synthetic_replay

#: A listener that says in which processes it is opened.
OPENED = """
import os
from pathlib import Path
from parsekit import hookimpl

@hookimpl
def parsekit_open(session):
    Path(__file__).with_name(f"opened-{os.getpid()}").touch()
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def production(
    tmp_path: Path, redis_server: ValkeyServer, redis_client: object, store: SeaweedServer
) -> Iterator[Production]:
    url = redis_server.url()
    config = {"parser": "local", "celery": {"broker": url, "backend": url}}
    made = Production(tmp_path, config, store=store, broker=None)
    yield made
    made.close()


def parse(production: Production, seed: int) -> None:
    key = production.put(f"{seed}", synthetic_replay(believable_match(seed=seed), frames=0))
    assert production.send(key).get(timeout=90)["parser"] == "local"


def healthy(production: Production) -> bool:
    return production.command("health", "--ready").returncode == 0


def page(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def reported(production: Production, worker: WorkerProcess) -> list[int]:
    """The children of its pool that told something by now."""
    folder = production.folder / "data" / "parsekit" / "workers" / f"{worker.pid}.children"
    return [int(file.stem) for file in folder.glob("*.json")]


def test_a_child_that_replaces_another_uses_the_storage_as_that_did(production: Production) -> None:
    worker = production.worker("--pool", "prefork", "--concurrency", "1").ready()
    parse(production, 1)
    poll(lambda: healthy(production))
    (first,) = poll(lambda: reported(production, worker))
    os.kill(first, signal.SIGKILL)
    poll(lambda: reported(production, worker) not in ([], [first]))
    parse(production, 2)
    assert "before the fork" not in worker.text()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_storage_that_is_away_makes_unready_until_it_is_back(
    production: Production, store: SeaweedServer, pool: str
) -> None:
    port = free_port()
    production.worker("--pool", pool, "--concurrency", "2", "--http", str(port)).ready()
    up = 'parsekit_server_up{server="storage"} '
    poll(lambda: page(port, "/readyz") == "ok\n")
    poll(lambda: healthy(production))
    poll(lambda: f"{up}1.0" in page(port, "/metrics"))
    store.kill()
    try:
        poll(lambda: page(port, "/readyz").startswith("storage: "))
        poll(lambda: not healthy(production))
        poll(lambda: f"{up}0.0" in page(port, "/metrics"))
        assert page(port, "/healthz") == "ok\n"
    finally:
        store.start()
    poll(lambda: healthy(production))
    poll(lambda: f"{up}1.0" in page(port, "/metrics"))


def test_the_parent_of_a_pool_opens_no_plugin(production: Production, tmp_path: Path) -> None:
    folder = tmp_path / "opened"
    (folder / "opened-1.0.dist-info").mkdir(parents=True)
    (folder / "parsekit_opened.py").write_text(OPENED)
    (folder / "opened-1.0.dist-info/METADATA").write_text("Name: opened\nVersion: 1.0\n")
    entry = "[parsekit]\nopened = parsekit_opened\n"
    (folder / "opened-1.0.dist-info/entry_points.txt").write_text(entry)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    production.environ["PYTHONPATH"] = os.pathsep.join(paths)
    worker = production.worker("--pool", "prefork", "--concurrency", "1").ready()
    poll(lambda: healthy(production))
    opened = {int(file.name.split("-")[1]) for file in folder.glob("opened-*[0-9]")}
    assert opened == set(worker.children)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_storage_that_cannot_be_made_ends_the_worker(production: Production, pool: str) -> None:
    (production.folder / "access_key_file").unlink()
    worker = production.worker("--pool", pool, "--concurrency", "1")
    assert worker.process.wait(60) == 2
    assert "minio.access_key_file: can't read" in worker.text()
