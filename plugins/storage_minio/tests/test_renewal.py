"""Keys that are replaced under a running worker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devkit.servers.proxy import FaultProxy
from devkit.servers.seaweedfs import ADMIN, Identity
from parsekit.errors import StorageDenied
from parsekit_storage_minio.storage import MinioStorage

from .conftest import KeyFiles, MakeStorage

REVOKED = Identity(access_key="test-revoked", secret_key="test-revoked-secret", actions=())
KEY = "parsed/renewal.json"


@pytest.fixture
def files(key_files: Callable[[Identity], KeyFiles]) -> KeyFiles:
    return key_files(REVOKED)


@pytest.fixture
def running(make_storage: MakeStorage, files: KeyFiles) -> MinioStorage:
    """A storage that was refused with the keys it has."""
    storage = make_storage(access_key_file=files.access, secret_key_file=files.secret)
    with pytest.raises(StorageDenied):
        storage.write(KEY, b"body")
    return storage


def replace(files: KeyFiles, identity: Identity) -> None:
    files.access.write_text(identity.access_key)
    files.secret.write_text(identity.secret_key)


@pytest.mark.parametrize("method", ["head", "fetch", "read", "write", "create", "delete"])
def test_new_keys_are_used_without_a_restart(
    running: MinioStorage, files: KeyFiles, storage: MinioStorage, tmp_path: Path, method: str
) -> None:
    storage.write(KEY, b"body")
    replace(files, ADMIN)
    calls: dict[str, Callable[[], object]] = {
        "head": lambda: running.head(KEY).size_bytes == len(b"body"),
        "fetch": lambda: running.fetch(KEY, tmp_path / "body", max_bytes=100).key == KEY,
        "read": lambda: running.read(KEY) == b"body",
        "write": lambda: running.write(KEY, b"other"),
        "create": lambda: not running.write(KEY, b"other", replace=False),
        "delete": lambda: running.delete(KEY) is None,
    }
    assert calls[method]()
    storage.delete(KEY)


def test_each_of_many_threads_finds_the_new_keys(
    running: MinioStorage, files: KeyFiles, storage: MinioStorage
) -> None:
    storage.write(KEY, b"body")
    replace(files, ADMIN)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(running.read, [KEY] * 32)) == [b"body"] * 32
    storage.delete(KEY)


@pytest.mark.parametrize("change", ["none", "gone", "still_wrong"])
def test_what_is_still_refused_is_refused_once_more_at_most(
    running: MinioStorage, files: KeyFiles, proxy: FaultProxy, change: str
) -> None:
    if change == "gone":
        files.access.unlink()
    if change == "still_wrong":
        files.secret.write_text("another-wrong-secret")
    before = len(proxy.requests)
    with pytest.raises(StorageDenied, match="access key"):
        running.write(KEY, b"body")
    assert len(proxy.requests) - before == (2 if change == "still_wrong" else 1)
