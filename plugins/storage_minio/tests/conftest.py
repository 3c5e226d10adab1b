"""One real store for all tests, and a storage that reaches it through a proxy that can fail."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from tenacity import Retrying, stop_after_attempt

from devkit.servers.proxy import FaultProxy, fault_proxy
from devkit.servers.seaweedfs import ADMIN, BUCKET, Identity, SeaweedServer, seaweedfs
from parsekit import ProviderContext
from parsekit_storage_minio import requests
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

#: Everything that the worker needs, and nothing else; see the policy in the README.
WORKER = Identity(
    access_key="test-worker",
    secret_key="test-worker-secret",
    actions=(
        *(f"Read:{BUCKET}/{folder}/*" for folder in ("replays", "parsed")),
        f"List:{BUCKET}",
        f"Write:{BUCKET}/parsed/*",
    ),
)
READER = Identity(
    access_key="test-reader", secret_key="test-reader-secret", actions=(f"Read:{BUCKET}",)
)

MakeStorage = Callable[..., MinioStorage]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), identities=(WORKER, READER)) as server:
        yield server


@pytest.fixture
def caller(server: SeaweedServer) -> Minio:
    """A client that shares no code with ours, as callers use it."""
    return server.client()


@pytest.fixture
def proxy(server: SeaweedServer) -> Iterator[FaultProxy]:
    with fault_proxy(server.port) as proxy:
        yield proxy


@dataclass(frozen=True)
class KeyFiles:
    """Where a test's keys stand."""

    access: Path
    secret: Path


@pytest.fixture
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Identity], KeyFiles]:
    def write(identity: Identity) -> KeyFiles:
        folder = tmp_path_factory.mktemp("secrets")
        files = KeyFiles(access=folder / "access", secret=folder / "secret")
        files.access.write_text(f"{identity.access_key}\n")
        files.secret.write_text(f"{identity.secret_key}\n")
        return files

    return write


@pytest.fixture
def make_storage(
    proxy: FaultProxy, key_files: Callable[[Identity], KeyFiles]
) -> Iterator[MakeStorage]:
    made: list[MinioStorage] = []

    def make(identity: Identity = ADMIN, **settings: object) -> MinioStorage:
        files = key_files(identity)
        values = {
            "hostname": f"127.0.0.1:{proxy.port}",
            "access_key_file": files.access,
            "secret_key_file": files.secret,
            **settings,
        }
        context = ProviderContext(settings=MinioSettings.model_validate(values))
        made.append(MinioStorage(context))
        return made[-1]

    yield make
    for storage in made:
        storage.close()


@pytest.fixture
def single_tries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """A block in which no request is repeated, however busy the machine is."""

    def retrying(**given: Any) -> Retrying:
        return Retrying(**{**given, "stop": stop_after_attempt(1)})

    @contextmanager
    def single() -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(requests, "Retrying", retrying)
            yield

    return single


@pytest.fixture
def hurried(single_tries: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """The whole test is such a block."""
    with single_tries():
        yield


@pytest.fixture
def storage(make_storage: MakeStorage) -> MinioStorage:
    return make_storage()


@pytest.fixture
def put(caller: Minio) -> Iterator[Callable[[str, bytes], str]]:
    """Store an object as a caller does, and remove it after the test."""
    keys: list[str] = []

    def put(key: str, body: bytes) -> str:
        caller.put_object(BUCKET, key, io.BytesIO(body), len(body))
        keys.append(key)
        return key

    yield put
    for key in keys:
        caller.remove_object(BUCKET, key)
