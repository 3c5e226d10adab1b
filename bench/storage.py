"""Four ways to S3, side by side on a real SeaweedFS, with the calls that a parse makes.

``obstore`` is that library as such and ``its fsspec`` fsspec's surface over the same store, which
tells what a call costs more through it; ``s3fs`` is the driver that fsspec itself names for S3, and
``minio`` our storage, which checks what it moves. Rounds are interleaved, so that all meet the same
load of the machine. Printed are medians, and their ratio to obstore; the ratios carry over to other
machines.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store
from s3fs import S3FileSystem

from devkit.servers.seaweedfs import ADMIN, BUCKET, SeaweedServer, seaweedfs
from parsekit import ProviderContext
from parsekit_storage_minio.client import BucketFileSystem
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

ROUNDS = 3
CALLS = 25
NATIVE = "obstore"
SIZES = {"4 KB": 4 * 1024, "1.5 MB": 1536 * 1024}
#: S3 deletes it all the same.
ABSENT = "parsed/absent"
Call = Callable[[], object]


def main() -> None:
    """Print one line a call."""
    with tempfile.TemporaryDirectory() as name, seaweedfs(Path(name) / "weed") as server:
        ways = _ways(server, Path(name))
        print(f"{'ms (ratio)':>18}" + "".join(f"{way:>18}" for way in ways))
        for label in next(iter(ways.values())):
            medians = _medians({way: calls[label] for way, calls in ways.items()})
            cells = (f"{ms:.2f} ({ms / medians[NATIVE]:.1f})" for ms in medians.values())
            print(f"{label:>18}" + "".join(f"{cell:>18}" for cell in cells))


def _ways(server: SeaweedServer, folder: Path) -> dict[str, dict[str, Call]]:
    """The calls of each way, by label and in one order."""
    store = _store(server)
    return {
        NATIVE: _of_obstore(store, folder),
        "its fsspec": _of_fsspec(BucketFileSystem(store), folder),
        "s3fs": _of_fsspec(_s3fs(server), folder),
        "minio": _of_storage(_storage(server, folder), folder),
    }


def _of_obstore(store: S3Store, folder: Path) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        key, target = f"parsed/bench-{size}", folder / "fetched"
        body = bytes(size)
        calls[f"PUT {label}"] = partial(obstore.put, store, key, body, use_multipart=False)
        calls[f"HEAD {label}"] = partial(obstore.head, store, key)
        calls[f"GET {label}"] = partial(_get, store, key)
        calls[f"fetch {label}"] = partial(_fetch, store, key, target)
    return {**calls, "DELETE": partial(obstore.delete, store, ABSENT)}


def _get(store: S3Store, key: str) -> bytes:
    return b"".join(map(bytes, obstore.get(store, key).stream(min_chunk_size=1)))


def _fetch(store: S3Store, key: str, target: Path) -> None:
    with target.open("wb") as file:
        for block in obstore.get(store, key).stream(min_chunk_size=1):
            file.write(block)


def _of_storage(storage: MinioStorage, folder: Path) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        key, target = f"parsed/bench-{size}", folder / "fetched"
        calls[f"PUT {label}"] = partial(storage.write, key, bytes(size))
        calls[f"HEAD {label}"] = partial(storage.head, key)
        calls[f"GET {label}"] = partial(storage.read, key)
        calls[f"fetch {label}"] = partial(storage.fetch, key, target, max_bytes=2**25)
    return {**calls, "DELETE": partial(storage.delete, ABSENT)}


def _of_fsspec(filesystem: Any, folder: Path) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        path, target = f"{BUCKET}/parsed/bench-{size}", str(folder / "fetched")
        calls[f"PUT {label}"] = partial(filesystem.pipe_file, path, bytes(size))
        calls[f"HEAD {label}"] = partial(filesystem.info, path)
        calls[f"GET {label}"] = partial(filesystem.cat_file, path)
        calls[f"fetch {label}"] = partial(filesystem.get_file, path, target)
    return {**calls, "DELETE": partial(filesystem.rm_file, f"{BUCKET}/{ABSENT}")}


def _medians(calls: dict[str, Call]) -> dict[str, float]:
    """Milliseconds a call, median of all rounds."""
    times: dict[str, list[float]] = {way: [] for way in calls}
    for call in calls.values():
        call()
    for _ in range(ROUNDS):
        for way, call in calls.items():
            times[way] += [_ms(call) for _ in range(CALLS)]
    return {way: statistics.median(values) for way, values in times.items()}


def _ms(call: Call) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _storage(server: SeaweedServer, folder: Path) -> MinioStorage:
    access, secret = folder / "access", folder / "secret"
    for file, key in ((access, ADMIN.access_key), (secret, ADMIN.secret_key)):
        file.touch(mode=0o600)
        file.write_text(key)
    settings = MinioSettings.model_validate(
        {
            "hostname": server.hostname,
            "access_key_file": access,
            "secret_key_file": secret,
        }
    )
    return MinioStorage(ProviderContext(settings=settings))


def _store(server: SeaweedServer) -> S3Store:
    return S3Store(
        BUCKET,
        client_options={"allow_http": True},
        endpoint=f"http://{server.hostname}",
        region="us-east-1",
        access_key_id=ADMIN.access_key,
        secret_access_key=ADMIN.secret_key,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,
        checksum_algorithm="SHA256",
    )


def _s3fs(server: SeaweedServer) -> Any:
    return S3FileSystem(
        key=ADMIN.access_key,
        secret=ADMIN.secret_key,
        endpoint_url=f"http://{server.hostname}",
        client_kwargs={"region_name": "us-east-1"},
        use_listings_cache=False,
        skip_instance_cache=True,
    )


if __name__ == "__main__":
    main()
