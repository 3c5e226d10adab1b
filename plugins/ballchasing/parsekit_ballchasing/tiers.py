"""What the API allows each kind of account (documented and reported numbers, see the README)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Endpoint = Literal["upload", "replay", "list", "group", "file", "ping", "maps"]

SECOND_S = 1.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``calls`` in any span of ``per_s`` seconds."""

    calls: int
    per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The limits of one kind of account; an hourly number of None means none is documented.

    ``uploads_per_day`` is the day limit that an account starts with: its owner may change it.
    """

    name: str
    per_second: int
    list_per_hour: int | None
    replay_per_hour: int | None
    file_per_hour: int | None
    uploads_per_day: int
    uploads_per_week: int

    def limits(self, endpoint: Endpoint) -> tuple[Limit, ...]:
        """The windows of calls to this endpoint, the shortest first.

        Upload, ping and maps are missing in the table of the API; they are paced like the others.
        """
        if endpoint == "file":
            return _windows(2, self.file_per_hour)
        if endpoint == "list":
            return _windows(self.per_second, self.list_per_hour)
        if endpoint in ("replay", "group"):
            return _windows(self.per_second, self.replay_per_hour)
        return _windows(self.per_second, None)


def _windows(per_second: int, per_hour: int | None) -> tuple[Limit, ...]:
    second = (Limit(per_second, SECOND_S),)
    return second if per_hour is None else (*second, Limit(per_hour, HOUR_S))


def _tier(name: str, per_second: int, hourly: tuple[int | None, ...], day: int, week: int) -> Tier:
    listing, replay, file = hourly
    return Tier(
        name=name,
        per_second=per_second,
        list_per_hour=listing,
        replay_per_hour=replay,
        file_per_hour=file,
        uploads_per_day=day,
        uploads_per_week=week,
    )


REGULAR = _tier("regular", 2, (500, 1000, 200), 10, 70)

TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        REGULAR,
        _tier("gold", 2, (1000, 2000, 400), 50, 350),
        _tier("diamond", 4, (2000, 5000, 1000), 150, 1050),
        _tier("champion", 8, (None, None, 2000), 400, 2800),
        _tier("gc", 16, (None, None, None), 1000, 7000),
        # No call rates are published for these two; clients report that they equal gc's.
        _tier("legend", 16, (None, None, None), 3000, 21000),
        _tier("org", 16, (None, None, None), 1000, 7000),
    )
}


def tier_named(name: object) -> Tier:
    """The tier that a ping names; an unknown one gets the smallest limits."""
    return TIERS.get(name, REGULAR) if isinstance(name, str) else REGULAR
