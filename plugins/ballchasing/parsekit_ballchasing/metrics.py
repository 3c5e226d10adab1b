"""What is left of the budget, and whether anybody may call, as numbers for ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from parsekit import Metric, MetricFamily
from parsekit.errors import ParsekitError

if TYPE_CHECKING:
    from parsekit_ballchasing.rate_limit.budget import Budget

_HOUR = "1h"
_WINDOWS = ("24h", "7d")


def _family(name: str, text: str, *labels: str) -> MetricFamily:
    name = f"parsekit_ballchasing_{name}"
    return MetricFamily(name=name, help=text, labels=labels, across="max", owner="token")


UPLOADS_USED = _family("uploads_used", "Uploads in the last 24h and 7d.", "window")
UPLOADS_LEFT = _family("uploads_left", "Uploads that still fit; absent without a limit.", "window")
STATUS_CALLS_USED = _family("status_calls_used", "Looks at replays in the last hour.", "window")
STATUS_CALLS_LEFT = _family(
    "status_calls_left", "Looks at replays that still fit; absent without a limit.", "window"
)
BREAKER_OPEN = _family(
    "breaker_open", "1 while no worker calls: the token was refused, or the API is down.", "reason"
)
#: Errors with which the breaker stops everybody.
_REASONS = ("unauthorized", "remote_unavailable")


class HasBudget(Protocol):
    """A parser at work."""

    @property
    def budget(self) -> Budget:
        """What it may use."""
        ...


#: The parsers of this process. Hooks are called on a plugin, which has none itself.
at_work: WeakSet[HasBudget] = WeakSet()


def metrics() -> Iterator[Metric]:
    """Those of each parser at work; all with one token answer the same. Asks the API nothing."""
    for parser in list(at_work):
        yield from _budget(parser.budget)


def _budget(budget: Budget) -> Iterator[Metric]:
    from parsekit_ballchasing.report import report_of  # noqa: PLC0415  (a parser has loaded it)

    report = report_of(budget)
    for name, window in zip(_WINDOWS, report.uploads, strict=True):
        yield UPLOADS_USED.metric(window.used, window=name)
        if window.left is not None:
            yield UPLOADS_LEFT.metric(window.left, window=name)
    used, most = report.status_calls_hour, report.status_limit_hour
    yield STATUS_CALLS_USED.metric(used, window=_HOUR)
    if most is not None:
        yield STATUS_CALLS_LEFT.metric(max(most - used, 0), window=_HOUR)
    shut = _shut(budget)
    for reason in _REASONS:
        yield BREAKER_OPEN.metric(float(shut == reason), reason=reason)


def _shut(budget: Budget) -> str | None:
    try:
        budget.calls.check()
    except ParsekitError as error:
        return error.code
    return None
