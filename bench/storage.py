"""Four ways to S3, side by side on a real SeaweedFS, with the calls that a parse makes.

``obstore`` and ``s3fs`` are the backends of our storage, below fsspec's surface; ``obstore.fsspec``
and ``s3fs.fsspec`` the same libraries through fsspec, as a plugin would use them that knows nothing
else. Rounds are interleaved, so that all meet the same load of the machine. Printed are medians,
and their ratio to our storage with obstore; the ratios carry over to other machines.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from obstore.fsspec import FsspecStore
from s3fs import S3FileSystem

from devkit.servers.seaweedfs import ADMIN, BUCKET, SeaweedServer, seaweedfs
from parsekit import ProviderContext
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

ROUNDS = 3
CALLS = 25
OURS = "obstore"
SIZES = {"4 KB": 4 * 1024, "1.5 MB": 1536 * 1024}
Call = Callable[[], object]


def main() -> None:
    """Print one line a call."""
    with tempfile.TemporaryDirectory() as name, seaweedfs(Path(name) / "weed") as server:
        ways = _ways(server, Path(name))
        print(f"{'ms (ratio to ours)':>18}" + "".join(f"{way:>18}" for way in ways))
        for label in next(iter(ways.values())):
            medians = _medians({way: calls[label] for way, calls in ways.items()})
            cells = (f"{ms:.2f} ({ms / medians[OURS]:.1f})" for ms in medians.values())
            print(f"{label:>18}" + "".join(f"{cell:>18}" for cell in cells))


def _ways(server: SeaweedServer, folder: Path) -> dict[str, dict[str, Call]]:
    """The calls of each way, by label and in one order."""
    return {
        OURS: _of_storage(_storage(server, folder, "obstore"), folder),
        "s3fs": _of_storage(_storage(server, folder, "s3fs"), folder),
        "obstore.fsspec": _of_fsspec(_obstore_fsspec(server), folder),
        "s3fs.fsspec": _of_fsspec(_s3fs_fsspec(server), folder),
    }


def _of_storage(storage: MinioStorage, folder: Path) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        key, target = f"parsed/bench-{size}", folder / "fetched"
        calls[f"PUT {label}"] = partial(storage.write, key, bytes(size))
        calls[f"HEAD {label}"] = partial(storage.head, key)
        calls[f"GET {label}"] = partial(storage.read, key)
        calls[f"fetch {label}"] = partial(storage.fetch, key, target, max_bytes=2**25)
    return calls


def _of_fsspec(filesystem: Any, folder: Path) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        path, target = f"{BUCKET}/parsed/bench-{size}", str(folder / "fetched")
        calls[f"PUT {label}"] = partial(filesystem.pipe_file, path, bytes(size))
        calls[f"HEAD {label}"] = partial(filesystem.info, path)
        calls[f"GET {label}"] = partial(filesystem.cat_file, path)
        calls[f"fetch {label}"] = partial(filesystem.get_file, path, target)
    return calls


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


def _storage(server: SeaweedServer, folder: Path, backend: str) -> MinioStorage:
    access, secret = folder / "access", folder / "secret"
    for file, key in ((access, ADMIN.access_key), (secret, ADMIN.secret_key)):
        file.touch(mode=0o600)
        file.write_text(key)
    settings = MinioSettings.model_validate(
        {
            "hostname": server.hostname,
            "access_key_file": access,
            "secret_key_file": secret,
            "backend": backend,
        }
    )
    return MinioStorage(ProviderContext(settings=settings))


def _obstore_fsspec(server: SeaweedServer) -> FsspecStore:
    return FsspecStore(
        "s3",
        client_options={"allow_http": True},
        endpoint=f"http://{server.hostname}",
        region="us-east-1",
        access_key_id=ADMIN.access_key,
        secret_access_key=ADMIN.secret_key,
        virtual_hosted_style_request=False,
    )


def _s3fs_fsspec(server: SeaweedServer) -> Any:
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
