"""The connection as it comes and goes: made when needed, left alone a while when it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from parsekit_sinks_rabbitmq.breaker import Breaker
from parsekit_sinks_rabbitmq.fate import Fate, Sent
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.settings import Broker
from parsekit_sinks_rabbitmq.trouble import explain

if TYPE_CHECKING:
    from parsekit_sinks_rabbitmq.link import Link

log = logging.getLogger("parsekit.rabbitmq")

#: Messages that are under way together when all goes well; one after a failure, then twice as
#: many each time, so that a fault leaves few in doubt.
LARGEST_BATCH = 128


class Line:
    """Sends through a link that it makes and drops. Used by one thread.

    ``broker`` is asked for each connection, as passwords change. ``hurry`` is set when the process
    ends: then no pause is kept. ``meanwhile`` is called while the broker lets us wait.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        hurry: threading.Event,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._find_broker = broker
        self._hurry, self._meanwhile = hurry, meanwhile
        self._broker: Broker | None = None
        self._link: Link | None = None
        self._breaker = Breaker()
        self._away_since: float | None = None
        self.batch = LARGEST_BATCH

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._link is not None

    @property
    def tripped(self) -> bool:
        """Whether the last attempt to connect or to send failed."""
        return self._breaker.tripped

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt."""
        return self._breaker.wait_s

    def tick(self) -> None:
        """Keep a standing connection alive, and notice when it is gone."""
        if self._link is not None:
            self._guarded(self._link.tick)

    def ready(self) -> bool:
        """Whether there is a connection; makes one unless the last failure is too fresh."""
        self.tick()
        if self._link is None and (self._hurry.is_set() or not self._breaker.wait_s):
            self._guarded(self._connect)
        return self._link is not None

    def send(self, messages: Sequence[Message]) -> Sent | None:
        """Send a batch; None without a connection. Raises nothing."""
        if self._link is None:
            return None
        sent = _sent(self._link, messages)
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
            trouble = explain(error, self._broker)
            log.warning("%s; progress waits in memory and analytics on the disk", trouble)

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self.batch = min(LARGEST_BATCH, self.batch * 2)
        if self._away_since is not None:
            log.warning("RabbitMQ is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None

    def _connect(self) -> None:
        from parsekit_sinks_rabbitmq.link import Link  # noqa: PLC0415  (kombu takes 0.1 s)

        self._broker = self._find_broker()
        self._link = Link(self._broker, self._hurry, self._meanwhile)

    def _guarded(self, work: Callable[[], None]) -> None:
        from parsekit_sinks_rabbitmq.link import TROUBLES  # noqa: PLC0415

        try:
            work()
        except TROUBLES as exc:
            self.drop(exc)


def _sent(link: Link, messages: Sequence[Message]) -> Sent:
    try:
        return link.send(messages)
    except Exception as exc:  # a fault of ours or of a library: nobody knows what arrived
        log.exception("the RabbitMQ sink stumbled over a fault of its own")
        fates = [Fate.UNKNOWN] * len(messages)
        return Sent(fates=fates, error=exc, refused=True, hopeless=True)
