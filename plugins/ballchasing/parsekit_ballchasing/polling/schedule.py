"""How long to wait for the next look at a replay. Knows no clock, no store and no network."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parsekit_ballchasing.polling.ready_times import ReadyTimes
from parsekit_ballchasing.rate_limit.store import Load


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSchedule:
    """Looks early and often while calls are plenty, and spaces looks out as they run short.

    While calls are plenty, a look follows the one before it after ``shortest_s``, or after ``part``
    of the replay's age where that is more, and never later than ``longest_s``; a replay is then
    answered at most about a second, or 15 % of its time, after it was ready, as drivers add up to
    10 % and a round-up to their waits.

    Two things stretch this, up to patience: the first look then comes at the age at which ``aim``
    of the recent replays were ready, and each later one after half the replay's age.

    * Calls of this second that nobody makes are lost, so all that wait share ``used`` of them.
    * Calls of this hour are missed later. From ``free`` of them used on the waits grow, until at
      ``scarce`` they are as long as patience allows.
    """

    shortest_s: float = 0.65
    part: float = 0.11
    longest_s: float = 60.0
    aim: float = 0.85
    most_patient_s: float = 300.0
    used: float = 0.9
    free: float = 0.5
    scarce: float = 0.75

    def wait_s(self, age_s: float, load: Load, times: ReadyTimes) -> float:
        """Seconds to the next look at a replay that is pending ``age_s`` after its upload."""
        eager_s = min(max(self.shortest_s, self.part * age_s), self.longest_s)
        patient_s = max(self._patient_s(age_s, times), eager_s)
        scarcity = min(max((load.fullness - self.free) / (self.scarce - self.free), 0.0), 1.0)
        stretched_s = eager_s * math.pow(patient_s / eager_s, scarcity)
        fair_s = load.waiting / (self.used * load.per_second)
        return min(max(stretched_s, fair_s), patient_s)

    def is_overdue(self, age_s: float, times: ReadyTimes) -> bool:
        """Whether a replay that is pending at this age takes longer than was to be expected."""
        return age_s >= times.age_s(self.aim)

    def _patient_s(self, age_s: float, times: ReadyTimes) -> float:
        overdue = self.is_overdue(age_s, times)
        patient_s = age_s / 2 if overdue else times.age_s(self.aim) - age_s
        return min(patient_s, self.most_patient_s)
