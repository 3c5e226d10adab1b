"""The connection as it comes and goes: made when needed, left alone a while when it fails."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from parsekit_sinks_rabbitmq.errors import explain
from parsekit_sinks_rabbitmq.message import BatchResult, DeliveryStatus, Message
from parsekit_sinks_rabbitmq.settings import BrokerAddress

if TYPE_CHECKING:
    from parsekit_sinks_rabbitmq.channel import ConfirmChannel

log = logging.getLogger("parsekit.rabbitmq")

#: Messages that are under way together when all goes well; one after a failure, then twice as
#: many each time, so that a fault leaves few in doubt.
LARGEST_BATCH = 128
#: First pause after a failure, seconds; it doubles with each.
FIRST_PAUSE_S = 0.25
#: Longest pause, seconds: how late a process may notice that RabbitMQ is back.
LONGEST_PAUSE_S = 15.0


class CircuitBreaker:
    """Open after a failure, for a pause that grows; the first success closes it."""

    def __init__(self, longest_s: float = LONGEST_PAUSE_S) -> None:
        self._longest_s = longest_s
        self._failures = 0
        self._resume_at = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt may be made, 0 when it may be made now."""
        return max(0.0, self._resume_at - time.monotonic())

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def failed(self) -> None:
        """Begin a pause, spread so that many processes don't come at once."""
        pause = min(self._longest_s, FIRST_PAUSE_S * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._resume_at = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)

    def succeeded(self) -> None:
        """Note a success: no pause any more."""
        self._failures = 0
        self._resume_at = 0.0


class BrokerConnection:
    """Sends through a channel that it makes and drops. Used by one thread.

    ``broker`` is asked for each connection, as passwords change. ``hurry`` is set when the process
    ends: then no pause is kept. ``meanwhile`` is called while the broker lets us wait.
    """

    def __init__(
        self,
        broker: Callable[[], BrokerAddress],
        hurry: threading.Event,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._find_broker = broker
        self._hurry, self._meanwhile = hurry, meanwhile
        self._broker: BrokerAddress | None = None
        self._channel: ConfirmChannel | None = None
        self._breaker = CircuitBreaker()
        self._away_since: float | None = None
        self.batch = LARGEST_BATCH

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._channel is not None

    @property
    def failing(self) -> bool:
        """Whether the last attempt to connect or to send failed."""
        return self._breaker.failing

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt."""
        return self._breaker.wait_s

    def tick(self) -> None:
        """Keep a standing connection alive, and notice when it is gone."""
        if self._channel is not None:
            self._guarded(self._channel.tick)

    def ready(self) -> bool:
        """Whether there is a connection; makes one unless the last failure is too fresh."""
        self.tick()
        if self._channel is None and (self._hurry.is_set() or not self._breaker.wait_s):
            self._guarded(self._connect)
        return self._channel is not None

    def send(self, messages: Sequence[Message]) -> BatchResult:
        """Send a batch; nothing of it without a connection. Raises nothing."""
        if self._channel is None:
            return BatchResult(statuses=[DeliveryStatus.UNSENT] * len(messages))
        sent = _sent(self._channel, messages)
        if sent.error is not None:
            self.drop(sent.error)
        else:
            self._succeeded()
        return sent

    def drop(self, error: Exception) -> None:
        """Give up the connection, for this reason, and pause."""
        self.hang_up()
        self._breaker.failed()
        self.batch = 1
        if self._away_since is None:
            self._away_since = time.monotonic()
            reason = explain(error, self._broker)
            log.warning("%s; progress waits in memory and analytics on the disk", reason)

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self.batch = min(LARGEST_BATCH, self.batch * 2)
        if self._away_since is not None:
            log.warning("RabbitMQ is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None

    def _connect(self) -> None:
        from parsekit_sinks_rabbitmq.channel import ConfirmChannel  # noqa: PLC0415  (kombu: 0.1 s)

        self._broker = self._find_broker()
        self._channel = ConfirmChannel(self._broker, self._hurry, self._meanwhile)

    def _guarded(self, work: Callable[[], None]) -> None:
        from parsekit_sinks_rabbitmq.channel import CONNECT_ERRORS  # noqa: PLC0415

        try:
            work()
        except CONNECT_ERRORS as exc:
            self.drop(exc)


def _sent(channel: ConfirmChannel, messages: Sequence[Message]) -> BatchResult:
    try:
        return channel.send(messages)
    except Exception as exc:  # a fault of ours or of a library: nobody knows what arrived
        log.exception("unexpected exception in the RabbitMQ sink")
        statuses = [DeliveryStatus.UNKNOWN] * len(messages)
        return BatchResult(statuses=statuses, error=exc, refused=True, hopeless=True)
