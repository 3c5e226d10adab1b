"""A real RabbitMQ as a private node: own name, ports, cookie, data folder and name service.

The server is Debian's (``scripts/servers.py`` brings it). Nothing of it is shared with a RabbitMQ
that may run on the same machine, and nothing of it outlives `RabbitServer.stop`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from devkit.servers.process import ServerFailed, ServerProcess, free_port, listens

#: Where ``scripts/servers.py`` unpacks Debian's packages when it may not install them.
UNPACKED = Path(__file__).parents[2] / ".cache" / "rabbitmq"

#: Seconds for a node to be gone, and for ``rabbitmqctl``, which starts an Erlang of its own, to do
#: what it is told, on a machine that does much else.
GONE_SECONDS, CTL_SECONDS = 90, 240

_SCRIPTS = Path("usr/lib/rabbitmq/bin")
_ERLANG = Path("usr/lib/erlang")


@dataclass(frozen=True, slots=True)
class Installation:
    """A RabbitMQ with its Erlang, laid out as Debian does below ``root``."""

    root: Path

    @property
    def complete(self) -> bool:
        """Whether both the server and Erlang are there."""
        return (self.root / _SCRIPTS / "rabbitmq-server").exists() and self.epmd.exists()

    @property
    def epmd(self) -> Path:
        """Erlang's name service."""
        return self.root / _ERLANG / "bin" / "epmd"

    def script(self, name: str) -> str:
        """The path of one of RabbitMQ's commands."""
        return str(self.root / _SCRIPTS / name)

    def environ(self) -> dict[str, str]:
        """What the commands need to find their Erlang and its libraries."""
        libraries = [str(path) for path in (self.root / "usr/lib").glob("*-linux-gnu")]
        return {
            "ERL_ROOTDIR": str(self.root / _ERLANG),
            "PATH": f"{self.root / _ERLANG / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            **({"LD_LIBRARY_PATH": ":".join(libraries)} if self.root != Path("/") else {}),
        }


def find_installation(unpacked: Path = UNPACKED) -> Installation | None:
    """The installed RabbitMQ, else the unpacked one, else None."""
    choices = (Installation(Path("/")), Installation(unpacked))
    return next((choice for choice in choices if choice.complete), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files of a TLS listener. ``client_ca`` set: only clients with a certificate of it."""

    certificate: Path
    key: Path
    ca: Path
    client_ca: bool = False


class RabbitServer(ServerProcess):
    """One node. A restart keeps its data, users and ports.

    ``tls`` adds a listener on `tls_port`. User guest with password guest may do everything in the
    vhost ``/`` and in those made with `add_vhost`.
    """

    def __init__(
        self, folder: Path, *, tls: Tls | None = None, installation: Installation | None = None
    ) -> None:
        found = installation or find_installation()
        if found is None:
            raise ServerFailed(
                "there is no RabbitMQ server: run scripts/servers.py, or install rabbitmq-server"
            )
        self._installation = found
        self._tls = tls
        self.port, self._epmd_port, self._dist_port = free_port(), free_port(), free_port()
        self.tls_port = free_port()
        epmd = [str(found.epmd), "-port", str(self._epmd_port), "-address", "127.0.0.1"]
        self._epmd = ServerProcess(
            epmd, folder=folder / "epmd", ready=lambda: listens(self._epmd_port)
        )
        super().__init__(
            [found.script("rabbitmq-server")],
            folder=folder,
            ready=lambda: self.runs,
            environ=found.environ() | self._node_environ(folder),
            start_seconds=90,
        )

    def start(self) -> None:
        """Start the name service and the node, and wait until clients can connect."""
        if self.epmd_runs:
            return super().start()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(self._settings())
        (self.folder / "enabled_plugins").write_text("[].\n")
        self._epmd.start()
        try:
            super().start()
        except ServerFailed:
            self._epmd.kill()
            raise

    @property
    def epmd_runs(self) -> bool:
        """Whether this node's own name service is up; it stays so over a restart."""
        return listens(self._epmd_port)

    @property
    def runs(self) -> bool:
        """Whether clients can connect; a frozen node counts."""
        return listens(self.port)

    def stop(self) -> None:
        """End the node and its name service. The data was only for the tests: no farewell."""
        self.kill()
        self._epmd.kill()

    def kill(self) -> None:
        """Pull the plug, and wait until Erlang, a grandchild of ours, has let go of the port."""
        super().kill()
        self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        end = time.monotonic() + GONE_SECONDS
        while self.runs:
            if time.monotonic() > end:
                raise ServerFailed(f"somebody still listens on port {self.port}")
            time.sleep(0.02)

    def restart(self, *, orderly: bool = False) -> None:
        """Pull the plug, or let it write down all it has, and start again with the same data."""
        if orderly:
            self.signal(signal.SIGTERM)
            self.wait(GONE_SECONDS)  # it lets go of the port long before it has written all
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop the node's clock: connections stay open and nothing answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen node go on."""
        self.signal(signal.SIGCONT)

    def url(self, vhost: str = "/", user: str = "guest", password: str = "guest") -> str:
        """The address for clients."""
        place = f"127.0.0.1:{self.port}/{quote(vhost, safe='')}"
        return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{place}"

    def tls_url(self, host: str = "127.0.0.1", vhost: str = "/") -> str:
        """The address of the TLS listener."""
        return f"amqps://guest:guest@{host}:{self.tls_port}/{quote(vhost, safe='')}"

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on this node; return what it printed.

        Raises `ServerFailed` with its complaint.
        """
        done = subprocess.run(
            [self._installation.script("rabbitmqctl"), "--quiet", *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=CTL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}".strip())
        return done.stdout

    def add_vhost(self, name: str, queue_type: Literal["classic", "quorum"] = "classic") -> str:
        """Make a vhost where queues are of this type unless declared otherwise; return its URL."""
        self.ctl("add_vhost", name, "--default-queue-type", queue_type)
        self.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return self.url(name)

    def add_user(self, name: str, password: str, vhost: str = "/") -> str:
        """Make a user who may do everything in ``vhost``; return the URL."""
        self.ctl("add_user", name, password)
        self.ctl("set_permissions", "-p", vhost, name, ".*", ".*", ".*")
        return self.url(vhost, name, password)

    def set_policy(self, name: str, pattern: str, definition: str, vhost: str = "/") -> None:
        """Lay a policy, given as JSON, on the queues that match."""
        self.ctl("set_policy", "-p", vhost, "--apply-to", "queues", name, pattern, definition)

    def close_connections(self, reason: str = "closed by a test") -> None:
        """Have the broker close every client's connection."""
        self.ctl("close_all_connections", reason)

    def set_disk_alarm(self, *, on: bool) -> None:
        """Pretend that the disk is full: the broker stops reading from publishers."""
        self.ctl("set_disk_free_limit", "1000000GB" if on else "1MB")

    def _settings(self) -> str:
        lines = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "log.console": "true",
            "log.file": "false",
            "disk_free_limit.absolute": "1MB",
        }
        if self._tls is not None:
            lines |= {
                "listeners.ssl.1": f"127.0.0.1:{self.tls_port}",
                "ssl_options.cacertfile": str(self._tls.ca),
                "ssl_options.certfile": str(self._tls.certificate),
                "ssl_options.keyfile": str(self._tls.key),
                "ssl_options.verify": "verify_peer" if self._tls.client_ca else "verify_none",
                "ssl_options.fail_if_no_peer_cert": str(self._tls.client_ca).lower(),
            }
        return "".join(f"{key} = {value}\n" for key, value in lines.items())

    def _node_environ(self, folder: Path) -> dict[str, str]:
        return {
            "HOME": str(folder),  # of the Erlang cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"parsekit{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            # A test node must not spin on the few cores that the tests need.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }


@contextmanager
def rabbitmq(folder: Path, *, tls: Tls | None = None) -> Iterator[RabbitServer]:
    """Run a node for the length of the block; it takes some five seconds to start."""
    server = RabbitServer(folder.resolve(), tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
