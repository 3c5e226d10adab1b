"""What is used of the budget and what is left, for ``parsekit quota`` and ``parsekit doctor``."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from parsekit import JsonObject
from parsekit_ballchasing.account import Quota
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.tiers import DAY_S, HOUR_S, WEEK_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One rolling window of uploads; ``most`` None means no limit.

    ``next_free_s`` is when the oldest known upload leaves the window, None when none is known.
    """

    name: str
    used: int
    most: int | None
    next_free_s: float | None

    @property
    def left(self) -> int | None:
        """Uploads that still fit; None for no limit."""
        return None if self.most is None else max(self.most - self.used, 0)

    def sentence(self) -> str:
        """For people."""
        if self.most is None:
            return f"{self.used} uploads in {self.name}, no limit"
        return f"{self.used} of {self.most} uploads used in {self.name}, {self.left} left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The budget of one token now.

    ``forecast_week`` is how many uploads the next seven days will see at the pace of the last 24
    hours, ``week_fits`` whether the weekly quota has room for them.
    """

    tier: str
    pinged_unix: float | None
    uploads: tuple[Window, ...]
    status_calls_hour: int
    status_limit_hour: int | None
    forecast_week: int
    week_fits: bool

    def to_json(self) -> JsonObject:
        """The form of ``parsekit quota --format json``."""
        document = asdict(self)
        document["uploads"] = [{**asdict(window), "left": window.left} for window in self.uploads]
        return document


def report_of(budget: Budget) -> Report:
    """Read the state and the last ping; asks the API nothing."""
    facts = budget.account.facts()
    tier = facts.tier
    day = _window(budget, "24 hours", DAY_S, facts.day, tier.uploads_per_day)
    week = _window(budget, "7 days", WEEK_S, facts.week, tier.uploads_per_week)
    forecast = 7 * day.used
    return Report(
        tier=tier.name,
        pinged_unix=facts.pinged_unix,
        uploads=(day, week),
        status_calls_hour=budget.store.calls("replay", HOUR_S),
        status_limit_hour=tier.replay_per_hour,
        forecast_week=forecast,
        week_fits=week.most is None or forecast <= week.most,
    )


def _window(budget: Budget, name: str, per_s: float, quota: Quota | None, default: int) -> Window:
    ages_s = budget.store.uploads(per_s)
    quota = quota or Quota(most=default)
    return Window(
        name=name,
        used=len(ages_s) + quota.elsewhere,
        most=None if quota.unlimited else quota.most,
        next_free_s=round(per_s - ages_s[0]) if ages_s else None,
    )
