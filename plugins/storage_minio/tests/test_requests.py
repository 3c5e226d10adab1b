"""How often, and with what, the store is asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from minio import Minio

from parsekit.errors import BadRequest, ReplayTooLarge, StorageUnavailable
from parsekit.testing.servers.proxy import FaultProxy
from parsekit.testing.servers.seaweedfs import BUCKET
from parsekit_storage_minio.storage import MinioStorage

from .conftest import MakeStorage

Put = Callable[[str, bytes], str]
REPLAY = bytes(range(256)) * 6000


def methods(proxy: FaultProxy) -> list[str]:
    return [line.split()[0] for line in proxy.requests]


def test_making_a_storage_connects_to_nothing(make_storage: MakeStorage, proxy: FaultProxy) -> None:
    make_storage()
    assert proxy.connections == 0


def test_a_cache_hit_is_one_head_and_one_get(
    storage: MinioStorage, proxy: FaultProxy, put: Put
) -> None:
    put("replays/a.replay", REPLAY)
    put("parsed/a.json", b"{}")
    assert storage.head("replays/a.replay").etag
    assert storage.read("parsed/a.json") == b"{}"
    assert methods(proxy) == ["HEAD", "GET"]


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


@pytest.mark.parametrize("key", ["../a", "/a", "a/%2e%2e/b", "a\x00b", "e\u0301", "x" * 1025, ""])
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
