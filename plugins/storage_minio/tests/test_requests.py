"""How often, and with what, the store is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from minio import Minio

from devkit.servers.proxy import FaultProxy
from devkit.servers.seaweedfs import BUCKET, Identity
from parsekit import Config, ParserEntry, Session, hookimpl
from parsekit.api import make_pipeline
from parsekit.config import HostSettings
from parsekit.errors import BadRequest, ReplayTooLarge, StorageUnavailable
from parsekit.host.host import Host
from parsekit.model import Job, Outcome, Parsed, Replay, Request
from parsekit.pipeline.pipeline import Pipeline
from parsekit.testing import believable_match, synthetic_replay
from parsekit_storage_minio import plugin
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

from .conftest import WORKER, KeyFiles, MakeStorage

Put = Callable[[str, bytes], str]
REPLAY = bytes(range(256)) * 6000


def methods(proxy: FaultProxy) -> list[str]:
    return [line.split()[0] for line in proxy.requests]


def test_making_a_storage_connects_to_nothing(make_storage: MakeStorage, proxy: FaultProxy) -> None:
    make_storage()
    assert proxy.connections == 0


def test_many_who_store_at_once_find_out_once_whether_the_store_keeps_the_first(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    storage = make_storage()
    with ThreadPoolExecutor(8) as pool:
        keys = [f"parsed/many-{number}" for number in range(40)]
        written = list(pool.map(lambda key: storage.write(key, b"body", replace=False), keys))
    assert written == [True] * 40
    assert methods(proxy) == ["PUT"] * 41


class _Parser:
    def parse(self, _replay: Replay, _job: Job) -> Parsed:
        return Parsed(data={"answer": 42})

    def resume(self, _job: Job) -> Parsed:
        raise NotImplementedError


class _Parsers:
    @hookimpl
    def parsekit_register_parsers(self, register: Callable[[ParserEntry], None]) -> None:
        entry = ParserEntry(name="mine", version="1", create=lambda _: _Parser(), runs="remote")
        register(entry)


@pytest.fixture
def pipeline(
    proxy: FaultProxy,
    key_files: Callable[[Identity], KeyFiles],
    tmp_path: Path,
) -> Iterator[Pipeline]:
    """A worker's own, with this plugin's storage and a parser that answers at once."""
    files = key_files(WORKER)
    settings = MinioSettings.model_validate(
        {
            "hostname": f"127.0.0.1:{proxy.port}",
            "access_key_file": files.access,
            "secret_key_file": files.secret,
        }
    )
    host = Host.load({"PARSEKIT_PLUGINS": ""})
    host.register(plugin, "minio")
    host.register(_Parsers(), "parsers")
    config = Config(
        host=HostSettings(parser="mine"),
        sections={**Config().sections, "minio": settings},
        present=frozenset({"minio"}),
    )
    made = make_pipeline(Session(config=config, role="worker", data_dir=tmp_path), host)
    yield made
    made.close()


def test_a_cache_hit_of_the_service_is_one_head_and_one_get(
    pipeline: Pipeline, proxy: FaultProxy, put: Put, caller: Minio
) -> None:
    key = put("replays/hit.replay", synthetic_replay(believable_match(team_size=1), frames=0))
    first = pipeline.run(Request(replay=key, task_id="first"))
    assert isinstance(first, Outcome)
    assert (first.ok, first.cached) == (True, False)
    assert first.output_path is not None
    try:
        proxy.requests.clear()
        again = pipeline.run(Request(replay=key, task_id="again"))
        assert isinstance(again, Outcome)
        assert (again.ok, again.cached, again.data) == (True, True, {"answer": 42})
        assert proxy.requests == [
            f"HEAD /{BUCKET}/{key}",
            f"GET /{BUCKET}/{first.output_path}",
        ]
    finally:
        caller.remove_object(BUCKET, first.output_path)


def test_a_fetch_is_one_get(
    storage: MinioStorage, proxy: FaultProxy, put: Put, tmp_path: Path
) -> None:
    key = put("replays/a.replay", REPLAY)
    info = storage.fetch(key, tmp_path / "t", max_bytes=10**7)
    assert info.sha256 is not None
    assert methods(proxy) == ["GET"]


def test_a_file_too_large_is_refused_before_its_body(
    storage: MinioStorage, proxy: FaultProxy, put: Put, tmp_path: Path
) -> None:
    key = put("replays/large.replay", bytes(20 * 1024 * 1024))
    with pytest.raises(ReplayTooLarge, match="20971520"):
        storage.fetch(key, tmp_path / "t", max_bytes=1000)
    assert methods(proxy) == ["GET"]
    assert list(tmp_path.iterdir()) == []


def test_a_put_is_one_request_and_the_first_conditional_one_is_its_own_probe(
    storage: MinioStorage, proxy: FaultProxy, caller: Minio
) -> None:
    storage.write("parsed/a", bytes(7 * 1024 * 1024))
    assert methods(proxy) == ["PUT"]
    for key in ("parsed/b", "parsed/c"):
        assert storage.write(key, b"x", replace=False)
    assert methods(proxy) == ["PUT", "PUT", "PUT", "PUT"]
    for key in ("parsed/a", "parsed/b", "parsed/c"):
        caller.remove_object(BUCKET, key)


def test_connections_are_used_again(storage: MinioStorage, proxy: FaultProxy, put: Put) -> None:
    key = put("replays/a.replay", b"x")
    for _ in range(10):
        storage.head(key)
        storage.read(key)
    assert proxy.connections <= 2


@pytest.mark.parametrize("key", ["../a", "/a", "a\x00b", "x" * 1025, ""])
def test_a_hostile_key_causes_no_request(
    storage: MinioStorage, proxy: FaultProxy, tmp_path: Path, key: str
) -> None:
    for call in (
        lambda: storage.head(key),
        lambda: storage.fetch(key, tmp_path / "t", max_bytes=10),
        lambda: storage.read(key),
        lambda: storage.write(key, b"x"),
        lambda: storage.delete(key),
    ):
        with pytest.raises(BadRequest):
            call()
    assert proxy.connections == 0


def _wins(worker: MinioStorage, number: int) -> bool:
    """Write as a driver does, which tries again: SeaweedFS stalls when many compete."""
    for _ in range(5):
        try:
            return worker.write("parsed/race", b"%d" % number, replace=False)
        except StorageUnavailable:
            continue
    raise StorageUnavailable("the store stalled five times")


def test_sixteen_workers_store_one_result(make_storage: MakeStorage, caller: Minio) -> None:
    workers = [make_storage() for _ in range(16)]
    with ThreadPoolExecutor(len(workers)) as pool:
        won = list(pool.map(lambda pair: _wins(pair[1], pair[0]), enumerate(workers)))
    assert won.count(True) == 1
    assert workers[0].read("parsed/race") == b"%d" % won.index(True)
    caller.remove_object(BUCKET, "parsed/race")
