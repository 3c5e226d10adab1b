"""A real RabbitMQ as a private node: own name, ports, cookie, data folder and name service.

The server is Debian's (``scripts/servers.py`` brings it). Nothing of it is shared with a RabbitMQ
that may run on the same machine, and nothing of it outlives `RabbitServer.stop`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit.servers.process import ServerFailed, ServerProcess, listens
from devkit.servers.rabbitmq_node import Installation, Ports, RabbitNode, needed_installation

#: Seconds for a node to be gone, on a machine that does much else.
GONE_SECONDS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files of a TLS listener. ``client_ca`` set: only clients with a certificate of it."""

    certificate: Path
    key: Path
    ca: Path
    client_ca: bool = False


class RabbitServer(RabbitNode, ServerProcess):
    """One node of our own. A restart keeps its data, users and ports.

    ``tls`` adds a listener on `tls_port`.
    """

    def __init__(
        self, folder: Path, *, tls: Tls | None = None, installation: Installation | None = None
    ) -> None:
        RabbitNode.__init__(self, folder, Ports.free(), installation or needed_installation())
        ServerProcess.__init__(
            self,
            [self.installation.script("rabbitmq-server")],
            folder=folder,
            ready=lambda: self.runs,
            environ=self.environ(),
            start_seconds=90,
        )
        self._tls = tls
        port = str(self.ports.epmd)
        self._epmd = ServerProcess(
            [str(self.installation.epmd), "-port", port, "-address", "127.0.0.1"],
            folder=folder / "epmd",
            ready=lambda: self.epmd_runs,
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
        return listens(self.ports.epmd)

    def stop(self) -> None:
        """End the node and its name service. The data was only for the tests: no farewell."""
        self.kill()
        self._epmd.kill()

    def kill(self) -> None:
        """Pull the plug, and wait until Erlang, a grandchild of ours, has let go of the port."""
        super().kill()
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


@contextmanager
def rabbitmq(folder: Path, *, tls: Tls | None = None) -> Iterator[RabbitServer]:
    """Run a node for the length of the block; it takes some five seconds to start."""
    server = RabbitServer(folder.resolve(), tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
