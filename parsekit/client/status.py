"""How the deployment is, for ``parsekit top``: one look costs little more than its imports.

So it imports neither Celery, kombu nor redis-py, reads no section but `celery`, and loads no
plugin. What goes wrong is tried again with those, which have words for it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from parsekit.config import CelerySettings, Config
from parsekit.config.data_folder import default_data_dir
from parsekit.config.load import load_section
from parsekit.worker.addresses import CELERYS_DEFAULT_QUEUE, Addresses, with_addresses
from parsekit.worker.monitoring.announcement import announcements_in
from parsekit.worker.monitoring.top import Snapshot, snapshot_of
from parsekit.worker.redis import keys
from parsekit.worker.redis.plain import open_plain

if TYPE_CHECKING:
    from parsekit.worker.monitoring.announcement import Announcement

_MISPLACED_EVERY_S = 60.0


def make_look() -> Callable[[], Snapshot]:
    """What looks at the deployment that the configuration names. Raises `ConfigInvalid`.

    A look raises `StorageUnavailable` when its Redis does not answer.
    """
    section = load_section("celery", CelerySettings)
    data_dir = Path(os.path.realpath(default_data_dir()))
    at = Addresses.of(with_addresses(Config(sections={"celery": section}), data_dir))
    misplaced = _Misplaced(at)
    return lambda: snapshot_of(_announcements(at, data_dir), misplaced.count())


def _announcements(at: Addresses, data_dir: Path) -> list[Announcement]:
    """What each worker said last. A second try has redis-py, and waits for an embedded server."""
    try:
        with open_plain(at.backend) as redis:
            [members] = redis.ask(("ZRANGE", keys.BEATS, "0", "-1"))
            names = [keys.announcement(member.decode()) for member in members]
            [texts] = redis.ask(("MGET", *names)) if names else [[]]
            return announcements_in(texts)
    except (OSError, ValueError, RecursionError):
        return _announcements_or_why_not(at, data_dir)


def _announcements_or_why_not(at: Addresses, data_dir: Path) -> list[Announcement]:
    from parsekit.worker.embedded import server as embedded  # noqa: PLC0415  (redis-py)
    from parsekit.worker.monitoring.status_channel import StatusChannel  # noqa: PLC0415
    from parsekit.worker.servers import result_store  # noqa: PLC0415  (kombu)

    if at.embedded:
        embedded.find(data_dir)
    with result_store(at).client_errors_translated():
        return StatusChannel(at.backend).read()


class _Misplaced:
    """Counts what no worker takes, once a minute: RabbitMQ logs each look for an absent queue."""

    def __init__(self, at: Addresses) -> None:
        self._at = at
        self._count = 0
        self._counted_at = -inf

    def count(self) -> int:
        """Messages in Celery's default queue, if it is none of ours; 0 where nobody can say."""
        due = time.monotonic() - self._counted_at > _MISPLACED_EVERY_S
        if due and not self._at.reserves(CELERYS_DEFAULT_QUEUE):
            self._counted_at = time.monotonic()
            with contextlib.suppress(Exception):  # workers say which server is away
                self._count = self._counted()
        return self._count

    def _counted(self) -> int:
        if self._at.redis_broker:
            with open_plain(self._at.broker) as redis:
                lists = keys.lists_of(CELERYS_DEFAULT_QUEUE)
                return sum(redis.ask(*(("LLEN", each) for each in lists)))
        from parsekit.worker.amqp.counting import waiting_messages  # noqa: PLC0415  (py-amqp)

        return waiting_messages(self._at.broker, self._at.broker_tls, CELERYS_DEFAULT_QUEUE)
