"""The two backends of the MinIO storage, side by side on a real SeaweedFS.

Rounds are interleaved, so that both meet the same load of the machine. Printed are medians and
the ratio of s3fs to obstore; the ratios carry over to other machines, the milliseconds do not.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from parsekit import ProviderContext
from parsekit.testing.servers.seaweedfs import ADMIN, SeaweedServer, seaweedfs
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

ROUNDS = 3
CALLS = 25
BACKENDS = ("obstore", "s3fs")
Call = Callable[[MinioStorage], object]
SIZES = {"4 KB": 4 * 1024, "1.5 MB": 1536 * 1024}


def main() -> None:
    """Print one line a call."""
    with tempfile.TemporaryDirectory() as folder, seaweedfs(Path(folder) / "weed") as server:
        storages = {name: _storage(server, Path(folder), name) for name in BACKENDS}
        print(f"{'call':>14} {'obstore ms':>11} {'s3fs ms':>9} {'s3fs/obstore':>13}")
        for label, call in _calls(Path(folder)).items():
            medians = _medians(storages, call)
            ratio = medians["s3fs"] / medians["obstore"]
            print(f"{label:>14} {medians['obstore']:11.2f} {medians['s3fs']:9.2f} {ratio:13.1f}")
        for storage in storages.values():
            storage.close()


def _calls(folder: Path) -> dict[str, Call]:
    target = folder / "fetched"
    calls: dict[str, Call] = {}
    for label, size in SIZES.items():
        key = f"parsed/bench-{size}"
        calls[f"PUT {label}"] = partial(MinioStorage.write, key=key, body=bytes(size))
        calls[f"HEAD {label}"] = partial(MinioStorage.head, key=key)
        calls[f"GET {label}"] = partial(MinioStorage.read, key=key)
        calls[f"fetch {label}"] = partial(
            MinioStorage.fetch, key=key, target=target, max_bytes=2**25
        )
    return calls


def _medians(storages: dict[str, MinioStorage], call: Call) -> dict[str, float]:
    """Milliseconds a call, median of all rounds."""
    times: dict[str, list[float]] = {name: [] for name in storages}
    for storage in storages.values():
        call(storage)
    for _ in range(ROUNDS):
        for name, storage in storages.items():
            times[name] += [_ms(call, storage) for _ in range(CALLS)]
    return {name: statistics.median(values) for name, values in times.items()}


def _ms(call: Call, storage: MinioStorage) -> float:
    start = time.perf_counter()
    call(storage)
    return (time.perf_counter() - start) * 1000


def _storage(server: SeaweedServer, folder: Path, backend: str) -> MinioStorage:
    access, secret = folder / "access", folder / "secret"
    access.write_text(ADMIN.access_key)
    secret.write_text(ADMIN.secret_key)
    settings = MinioSettings.model_validate(
        {
            "hostname": server.hostname,
            "access_key_file": access,
            "secret_key_file": secret,
            "backend": backend,
        }
    )
    return MinioStorage(ProviderContext(settings=settings))


if __name__ == "__main__":
    main()
