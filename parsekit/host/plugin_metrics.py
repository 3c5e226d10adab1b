"""Asks plugins for their numbers, each alone: of one that raises or hangs the last ones stand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from parsekit.host.discovery import PluginFault, reason_of, within
from parsekit.host.host import Host
from parsekit.metrics import Metric, usable

log = logging.getLogger("parsekit.metrics")

#: How long a plugin may take to answer, seconds. It is asked every two seconds.
SLOW_CALL_S = 1.0
#: A gauge that a plugin answered longer ago, seconds, says nothing of now.
KEPT_S = 60.0
#: Different complaints about one plugin that are logged.
_MAX_COMPLAINTS = 10


class PluginMeasures:
    """The plugins of one process that offer metrics."""

    def __init__(self, host: Host, patience_s: float = SLOW_CALL_S) -> None:
        self._asked = [_Asked(*each) for each in host.listeners("parsekit_metrics")]
        self._patience_s = patience_s

    def now(self) -> list[Metric]:
        """All that they offer at this moment."""
        return [metric for asked in self._asked for metric in asked.now(self._patience_s)]


class _Asked:
    """One plugin. While an answer is overdue it is not asked again."""

    def __init__(self, owner: str, function: Callable[..., Iterable[Metric]]) -> None:
        self._owner = owner
        self._function = function
        self._free = threading.Lock()
        self._logged: set[str] = set()
        self._last_at = float("-inf")
        self._last: list[Metric] = []

    def now(self, patience_s: float) -> list[Metric]:
        if self._free.acquire(blocking=False):
            try:
                within(patience_s, self._answer)
            except PluginFault as fault:
                self._complain(str(fault))
            except BaseException as exc:  # noqa: BLE001  (a plugin may raise anything)
                self._complain(reason_of(exc))
        return self._kept()

    def _answer(self) -> None:
        try:
            offered: Any = self._function()
            self._last = list(usable(offered, self._complain))
            self._last_at = time.monotonic()
        finally:
            self._free.release()

    def _kept(self) -> list[Metric]:
        """The last answer; of an old one only what it counted.

        Where one process of a pool leaves a count out the sum falls: a restart to Prometheus.
        """
        fresh = time.monotonic() - self._last_at <= KEPT_S
        return [metric for metric in self._last if fresh or metric.kind == "counter"]

    def _complain(self, text: str) -> None:
        """Once each: it is asked for as long as the process lives."""
        if text not in self._logged and len(self._logged) < _MAX_COMPLAINTS:
            self._logged.add(text)
            log.error("metrics of plugin %s: %s", self._owner, text)
