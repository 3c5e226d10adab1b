"""The schedule with its facts: who waits, how busy the API is, what was learned."""

from __future__ import annotations

from dataclasses import dataclass, field

from parsekit import JsonObject
from parsekit_ballchasing.polling.learned_times import Kept
from parsekit_ballchasing.polling.ready_times import ReadyTimes
from parsekit_ballchasing.polling.schedule import PollSchedule
from parsekit_ballchasing.rate_limit import RateLimiter


@dataclass(frozen=True, slots=True)
class Pending:
    """The next look is in ``wait_s``; the one before was ``since_s`` ago, as far as is known."""

    wait_s: float
    since_s: float


@dataclass(frozen=True, slots=True)
class Polls:
    """Says when to look, for all workers that share the limiter. Used from several threads."""

    limiter: RateLimiter
    learned: Kept
    schedule: PollSchedule = field(default_factory=PollSchedule)

    def pending(self, replay_id: str, age_s: float, *, bulk: bool) -> Pending:
        """Note that a replay is pending ``age_s`` after its upload, and say when to look."""
        load = self.limiter.pending(replay_id, bulk=bulk)
        since_s = min(load.since_s, age_s)
        times = ReadyTimes.from_json(self.learned.read())
        overdue = self.schedule.is_overdue
        if overdue(age_s, times) and not overdue(age_s - since_s, times):
            # Published once a replay, so that those behind it know before it is ready.
            times = self._learn(age_s)
        return Pending(self.schedule.wait_s(age_s, load, times), since_s)

    def done(self, replay_id: str, age_s: float, *, learn: bool) -> None:
        """Note that a replay left `pending` by this age; ``learn`` from it when that is its age."""
        pending_s = max(age_s - self.limiter.done(replay_id), 0.0)
        if learn:
            self._learn(pending_s, age_s)

    def _learn(self, *span_s: float) -> ReadyTimes:
        def learned(document: JsonObject) -> JsonObject:
            return ReadyTimes.from_json(document).with_replay(*span_s).to_json()

        return ReadyTimes.from_json(self.learned.change(learned))
