"""A RabbitMQ of the sinks' own, which these tests freeze and kill, and callers that read it."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
import pytest
from kombu.exceptions import ChannelError

from devkit.contract import Contract
from devkit.servers.proxy import FaultProxy, fault_proxy
from devkit.servers.rabbitmq import RabbitServer, Tls
from devkit.servers.rabbitmq import rabbitmq as run_node
from parsekit import JsonObject
from parsekit.testing.sinks import HostedSink
from parsekit_sinks_rabbitmq.metrics import SinkSnapshot
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

#: Patience with a busy machine; nothing here is expected to take so long.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server for ``localhost``, a client, and a stranger's authority."""

    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    for authority in ("ca", "stranger"):
        openssl(folder, f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} "
                         f"-keyout {authority}.key -out {authority}.pem")  # fmt: skip
    (folder / "san").write_text("subjectAltName=DNS:localhost")
    for name, issuer in (("server", "ca"), ("client", "ca"), ("intruder", "stranger")):
        openssl(folder, f"req -newkey rsa:2048 -nodes -subj /CN={name} "
                         f"-keyout {name}.key -out {name}.csr")  # fmt: skip
        openssl(folder, f"x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key "
                         f"-CAcreateserial -days 2 -extfile san -out {name}.pem")  # fmt: skip
    return Certificates(folder)


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def node(
    rabbitmq_installed: None, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitServer]:
    """The node itself, up or down."""
    tls = Tls(
        certificate=certificates.file("server.pem"),
        key=certificates.file("server.key"),
        ca=certificates.file("ca.pem"),
        client_ca=True,
    )
    with run_node(tmp_path_factory.mktemp("node"), tls=tls) as server:
        yield server


@pytest.fixture
def broker(node: RabbitServer) -> Iterator[RabbitServer]:
    """The node, in order again after each test."""
    yield node
    node.thaw()
    if not node.runs:
        node.start()


@pytest.fixture
def dry(broker: RabbitServer) -> Iterator[Callable[[bool], None]]:
    """Say whether the broker's disk is full; it is not after the test."""
    yield lambda on: broker.set_disk_alarm(on=on)
    if broker.runs:
        broker.thaw()
        broker.set_disk_alarm(on=False)


@pytest.fixture
def proxy(broker: RabbitServer) -> Iterator[FaultProxy]:
    """A way to the node that can fail while the node runs on."""
    with fault_proxy(broker.port) as proxy:
        yield proxy


class Caller:
    """Somebody with a queue of his own, who reads it with kombu's plain calls.

    What he reads must be as the contract says, unless he is told that it is ``odd``.
    """

    contract: Contract | None = None

    def __init__(
        self, broker: RabbitServer, queue: str, vhost: str = "/", *, odd: bool = False
    ) -> None:
        self.queue, self._url, self.odd = queue, broker.url(vhost), odd

    def __enter__(self) -> Caller:
        self._connection = kombu.Connection(self._url)
        self._channel = self._connection.channel()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.release()

    def declare(self, **arguments: Any) -> None:
        self._channel.queue_declare(self.queue, durable=True, auto_delete=False, **arguments)

    def exists(self) -> bool:
        try:
            self._channel.queue_declare(self.queue, passive=True)
        except ChannelError:
            self._channel = self._connection.channel()
            return False
        return True

    def delete(self) -> None:
        self._channel.queue_delete(self.queue)

    def next(self) -> Any:
        return self._channel.basic_get(self.queue, no_ack=True)

    def messages(self, count: int) -> list[Any]:
        """So many messages, and no more after them."""
        found: list[Any] = []
        until(lambda: self._found(found) >= count, f"{count} messages in {self.queue}")
        assert len(found) == count
        return found

    def read(self, count: int) -> list[JsonObject]:
        return [json.loads(message.body) for message in self.messages(count)]

    def messages_now(self) -> list[JsonObject]:
        """What is there."""
        found: list[Any] = []
        self._found(found)
        return [json.loads(message.body) for message in found]

    def _found(self, found: list[Any]) -> int:
        if self.exists():
            while (message := self.next()) is not None:
                found.append(message)
                self._check(json.loads(message.body))
        return len(found)

    def _check(self, message: JsonObject) -> None:
        if self.contract is not None and not self.odd:
            self.contract.check("analytics" if "pattern" in message else "progress", [message])


@pytest.fixture(scope="session", autouse=True)
def callers_read_by_the_contract(contract: Contract) -> None:
    Caller.contract = contract


def until(done: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + TIMEOUT_S
    while not done():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


class Sinks(HostedSink):
    """The plugin under test, told by a driver, with queues that no other test has."""

    def __init__(self, config: JsonObject, folder: Path) -> None:
        self.plugin = RabbitSinks()
        super().__init__(self.plugin, config, folder)
        self.name = config["transport"]["analytics_queue"]
        self.queue = f"progress-{self.name}"
        self.open()

    def counts(self) -> SinkSnapshot:
        snapshot = self.plugin.snapshot()
        assert snapshot is not None
        return snapshot

    def settle(self) -> SinkSnapshot:
        """Wait until nothing waits."""
        until(lambda: not self.counts().waiting and not self.counts().spooled_bytes, "all is sent")
        return self.counts()

    @property
    def spooled(self) -> list[Path]:
        return list((self.session.data_dir / "spool").glob("*"))


@pytest.fixture
def transport(broker: RabbitServer) -> JsonObject:
    return {"url": broker.url(), "analytics_queue": f"analytics-{uuid.uuid4().hex[:8]}"}


@pytest.fixture
def detour(transport: JsonObject, proxy: FaultProxy) -> JsonObject:
    """The same transport by way of the proxy."""
    return {**transport, "url": f"amqp://guest:guest@127.0.0.1:{proxy.port}"}


@pytest.fixture
def sinks(transport: JsonObject, tmp_path: Path) -> Iterator[Sinks]:
    sinks = Sinks({"transport": transport}, tmp_path)
    yield sinks
    sinks.close(0)


@pytest.fixture
def caller(broker: RabbitServer, sinks: Sinks) -> Iterator[Caller]:
    with Caller(broker, sinks.queue) as caller:
        yield caller


@pytest.fixture
def analyst(broker: RabbitServer, sinks: Sinks) -> Iterator[Caller]:
    with Caller(broker, sinks.name) as analyst:
        yield analyst
