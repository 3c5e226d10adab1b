"""One connection to RabbitMQ, and batches of messages that it confirms."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import kombu
from kombu.exceptions import ChannelError
from kombu.transport.pyamqp import Transport

from parsekit.errors import ConfigInvalid
from parsekit_sinks_rabbitmq.message import PROGRESS_EXPIRES_S, BatchResult, DeliveryStatus, Message
from parsekit_sinks_rabbitmq.settings import BrokerAddress, TlsFiles
from parsekit_sinks_rabbitmq.transport import MOMENT_S, PatientTransport

#: A name that resolves to several dead addresses takes this long for each.
CONNECT_S = 2.0
#: Longest wait for one answer, seconds.
IO_S = 5.0
#: Longest wait for confirmations, or for room in the socket, seconds, and while the process ends.
CONFIRM_S = 10.0
HURRY_S = 2.0
#: Longest wait for anything when we leave, seconds.
GOODBYE_S = 1.0
#: How often a wait looks around, seconds.
_POLL_S = 0.25
#: RabbitMQ closes a connection that was silent for twice this long.
HEARTBEAT_S = 20

#: AttributeError: what kombu's transport sometimes raises when the connection is lost (its note).
CHANNEL_ERRORS: tuple[type[Exception], ...] = (
    *Transport.connection_errors,
    *Transport.channel_errors,
    OSError,
    AttributeError,
)

#: The same, and what keeps us from trying.
CONNECT_ERRORS: tuple[type[Exception], ...] = (ConfigInvalid, *CHANNEL_ERRORS)

#: py-amqp tells the kernel to drop a connection whose other end takes nothing for a second, which
#: a blocked broker does as soon as the sockets' buffers are full. 0: as the system does.
_SOCKET_SETTINGS = {socket.TCP_USER_TIMEOUT: 0} if hasattr(socket, "TCP_USER_TIMEOUT") else {}

_NOT_FOUND, _PRECONDITION_FAILED = 404, 406
_TRANSIENT, _PERSISTENT = 1, 2


class ConfirmChannel:
    """A connection with one channel that confirms. Used by one thread; not usable after an error.

    ``hurry`` is set when the process ends and has no time to wait for a slow broker; ``meanwhile``
    is called from time to time while we wait. Making one raises one of `CHANNEL_ERRORS`.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        hurry: threading.Event,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = _connection(broker)
        self._meanwhile = meanwhile
        self._hurry, self._closing = hurry, False
        try:
            self._connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)
            # Through kombu's own methods a lost connection would be made again unseen.
            self._amqp = self._connection.connection
            # kombu's own read_timeout makes its transport ask again for ever.
            self._amqp.sock.settimeout(IO_S)
            # py-amqp would look for "blocked" before each message; the transport reads it anyway.
            self._amqp.client_properties.get("capabilities", {}).pop("connection.blocked", None)
            self._transport = PatientTransport(self._amqp, self._patient, silence_s=2 * HEARTBEAT_S)
            self._channel = self._open_channel()
        except CHANNEL_ERRORS:
            self.close()
            raise

    def send(self, messages: Sequence[Message], *, declare: bool = True) -> BatchResult:
        """Publish all, then wait until each is confirmed, for `CONFIRM_S` at most.

        Existing queues are used as they are. A missing one is declared as callers do, durable
        without arguments, and gets its messages in a second go.
        """
        statuses = dict.fromkeys(range(len(messages)), DeliveryStatus.UNSENT)
        error = self._publish(messages, statuses)
        lost = to_send_again(messages, statuses) if declare and error is None else []
        if lost:
            again = [messages[i] for i in lost]
            second = dict.fromkeys(range(len(again)), DeliveryStatus.UNSENT)
            error = self._declare(again) or self._publish(again, second)
            statuses.update((lost[n], status) for n, status in second.items())
        refused = isinstance(error, ChannelError)
        return BatchResult(
            statuses=list(statuses.values()),
            error=error,
            refused=refused,
            hopeless=refused and getattr(error, "code", 0) == _PRECONDITION_FAILED,
        )

    def tick(self) -> None:
        """Read what has come, and send a heartbeat when one is due.

        Raises one of `CHANNEL_ERRORS`.
        """
        self._amqp.heartbeat_tick(rate=2)
        try:
            while True:
                self._amqp.drain_events(timeout=MOMENT_S)
        except TimeoutError:
            pass

    def queue_exists(self, name: str) -> bool:
        """Whether the broker has this queue. Raises one of `CHANNEL_ERRORS`."""
        try:
            self._channel.queue_declare(name, passive=True)
        except ChannelError as exc:
            self._channel = self._open_channel()
            if exc.code == _NOT_FOUND:
                return False
            raise
        return True

    def close(self) -> None:
        """Say goodbye if the other side listens."""
        self._closing = True
        try:
            if self._connection.connected:
                self._amqp.sock.settimeout(GOODBYE_S)
            self._connection.release()
        except CHANNEL_ERRORS:
            self._connection.collect()

    def _open_channel(self) -> Any:
        channel = self._amqp.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._tag = 0
        self._waiting: dict[int, tuple[int, str]] = {}
        self._statuses: dict[int, DeliveryStatus] = {}
        self._returned: set[str] = set()
        return channel

    def _publish(
        self, messages: Sequence[Message], statuses: dict[int, DeliveryStatus]
    ) -> Exception | None:
        """Fill in the statuses; return what went wrong with the connection."""
        self._statuses = statuses
        self._waiting.clear()
        self._returned.clear()
        try:
            for index, message in enumerate(messages):
                self._tag += 1
                self._waiting[self._tag] = index, message.message_id
                statuses[index] = DeliveryStatus.UNKNOWN
                self._channel.basic_publish(
                    self._prepared(message), exchange="", routing_key=message.queue, mandatory=True
                )
            self._await_confirms()
        except CHANNEL_ERRORS as exc:
            return exc
        return None

    def _prepared(self, message: Message) -> Any:
        mode = _PERSISTENT if message.durable else _TRANSIENT
        properties: dict[str, Any] = {"message_id": message.message_id, "delivery_mode": mode}
        if message.kind == "progress":
            properties["expiration"] = str(PROGRESS_EXPIRES_S * 1000)
        return self._channel.prepare_message(
            message.body,
            content_type="application/json",
            content_encoding="utf-8",
            properties=properties,
        )

    def _await_confirms(self) -> None:
        since = time.monotonic()
        while self._waiting:
            try:
                self._amqp.drain_events(timeout=_POLL_S)
                since = time.monotonic()
            except TimeoutError:
                self._amqp.heartbeat_tick(rate=2)  # raises when the broker has fallen silent
                if not self._patient(since):
                    raise

    def _patient(self, since: float) -> bool:
        """Whether to go on waiting for the broker, which has done nothing for us since then.

        One that said it is blocked (its disk is full) is given all the time it needs. To go away
        and send again would only make it take everything twice once it goes on.
        """
        self._meanwhile()
        now = time.monotonic()
        if self._closing or self._hurry.is_set():
            return now - since < (GOODBYE_S if self._closing else HURRY_S)
        return self._transport.blocked or now - max(since, self._transport.free_since) < CONFIRM_S

    def _declare(self, messages: Sequence[Message]) -> Exception | None:
        try:
            for queue in {message.queue: None for message in messages}:
                self._declare_one(queue)
        except CHANNEL_ERRORS as exc:
            return exc
        return None

    def _declare_one(self, queue: str) -> None:
        try:
            self._channel.queue_declare(queue, durable=True, auto_delete=False)
        except ChannelError:
            # Somebody just made it with other arguments, or we may not: publishing will tell.
            self._channel = self._open_channel()

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple=multiple, status=DeliveryStatus.CONFIRMED)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple=multiple, status=DeliveryStatus.REJECTED)

    def _on_return(self, _error: Exception, _exchange: str, _queue: str, returned: Any) -> None:
        self._returned.add(returned.properties.get("message_id", ""))

    def _settle(self, tag: int, *, multiple: bool, status: DeliveryStatus) -> None:
        tags = [t for t in self._waiting if t <= tag] if multiple else [tag]
        for index, message_id in (self._waiting.pop(t) for t in tags if t in self._waiting):
            # What can't be routed is returned first, then confirmed.
            self._statuses[index] = (
                DeliveryStatus.UNROUTABLE if message_id in self._returned else status
            )


def to_send_again(messages: Sequence[Message], statuses: Mapping[int, DeliveryStatus]) -> list[int]:
    """Those that found no queue, but for steps which would come after later messages.

    Such a queue was made by somebody else in the middle of the batch.
    """
    taken = {
        messages[i].queue: i for i, status in statuses.items() if status is DeliveryStatus.CONFIRMED
    }  # the last
    return [
        i
        for i, status in statuses.items()
        if status is DeliveryStatus.UNROUTABLE
        and (messages[i].durable or i > taken.get(messages[i].queue, -1))
    ]


def _connection(broker: BrokerAddress) -> kombu.Connection:
    return kombu.Connection(
        transport="pyamqp",
        hostname=broker.host,
        port=broker.port,
        virtual_host=broker.vhost,
        userid=broker.username,
        password=broker.password.get_secret_value(),
        connect_timeout=CONNECT_S,
        heartbeat=HEARTBEAT_S,
        ssl=_tls_options(broker.host, broker.tls) if broker.tls else False,
        transport_options={
            "client_properties": {"connection_name": f"parsekit {os.getpid()}"},
            "socket_settings": _SOCKET_SETTINGS,
        },
    )


def _tls_options(host: str, tls: TlsFiles) -> dict[str, Any]:
    files = {
        "ca_certs": tls.ca_file,
        "certfile": tls.certificate_file,
        "keyfile": tls.key_file,
    }
    # Without server_hostname kombu takes a certificate of any host (ecosystem: kombu PR 1366).
    return {"server_hostname": host} | {
        key: str(path.expanduser()) for key, path in files.items() if path is not None
    }
