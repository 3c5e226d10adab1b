"""When a match was saved, with the offset of the recorder's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from parsekit_local.tables.seasons import FREE_SEASONS, FREE_TO_PLAY, PAID_SEASONS

#: Offsets of clocks are multiples of this.
_STEP_S = 15 * 60
#: No place on Earth is further from UTC; a larger difference is a wrong clock.
_MAX_OFFSET_S = 14 * 3600
#: A clock outside of these years says nothing; the game is of 2015.
_YEARS = range(2000, 2101)
#: What stands for the date where a file has none.
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SavedAt:
    """``has_timezone`` False: the offset of ``moment`` is a guess, as in files of before 2024."""

    moment: datetime
    has_timezone: bool

    @property
    def text(self) -> str:
        """RFC 3339, with ``Z`` for UTC."""
        return self.moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Season:
    """A competitive season; numbers started again when the game became free."""

    number: int
    free_to_play: bool


def saved_at(
    local: datetime | None, *, start_epoch_s: int | None, length_s: float | None
) -> SavedAt:
    """Find the offset that turns the recorder's clock into the match's end.

    ``local`` is the clock without offset, ``start_epoch_s`` the true start, ``length_s`` the time
    from there to the saving. The difference, rounded to a quarter of an hour, is the offset: five
    of five real bodies. Files without a true start have Central European time, as the one real
    body of that kind does (2016: 21:39 became 19:39Z; Ballchasing's servers stand in Germany).
    """
    if local is None or local.year not in _YEARS:
        return SavedAt(UNKNOWN, has_timezone=False)
    if start_epoch_s:
        apart_s = local.replace(tzinfo=UTC).timestamp() - start_epoch_s - (length_s or 0)
        offset_s = round(apart_s / _STEP_S) * _STEP_S
        if abs(offset_s) <= _MAX_OFFSET_S:
            zone = timezone(timedelta(seconds=offset_s))
            return SavedAt(local.replace(tzinfo=zone), has_timezone=True)
    return SavedAt(_central_european(local).astimezone(UTC), has_timezone=False)


def season_at(moment: datetime) -> Season:
    """Look up the season of a moment."""
    day = moment.date()
    free = day >= FREE_TO_PLAY
    starts = FREE_SEASONS if free else PAID_SEASONS
    return Season(max(1, sum(start <= day for start in starts)), free)


def _central_european(local: datetime) -> datetime:
    summer = _last_sunday(local, 3, 2) <= local < _last_sunday(local, 10, 3)
    return local.replace(tzinfo=timezone(timedelta(hours=2 if summer else 1)))


def _last_sunday(local: datetime, month: int, hour: int) -> datetime:
    last_day = datetime(local.year, month, 31, hour)
    return last_day - timedelta(days=(last_day.weekday() + 1) % 7)
