"""The time of a recording: kick-offs, play, celebrations, and the frames that show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parsekit.testing.replays.match import REGULAR_S, Goal, Match

#: Seconds from the appearance of the cars to the start, and from a goal to the next kick-off.
COUNTDOWN_S = 3.0
CELEBRATION_S = 3.0
#: File time of the first frame; real recordings begin some seconds after the match was made.
FIRST_FRAME_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """From one kick-off to what ends the play; seconds since the first frame.

    ``clock_s`` is the number of seconds played before ``play_s``.
    """

    kickoff_s: float
    play_s: float
    end_s: float
    clock_s: float
    goal: Goal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A phase in frames: the first one of the countdown, of play, and after what ended it."""

    phase: Phase
    kickoff: int
    play: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A match spread over a number of frames at even distances.

    Few frames make a coarse recording of the whole match, not a recording of its beginning.
    """

    match: Match
    frames: int
    phases: tuple[Phase, ...]

    @classmethod
    def of(cls, match: Match, frames: int) -> Recording:
        """Lay the match out in time."""
        return cls(match=match, frames=frames, phases=tuple(_phases(match)))

    @property
    def length_s(self) -> float:
        """Seconds from the first frame to the end."""
        return self.phases[-1].end_s + CELEBRATION_S

    @property
    def step_s(self) -> float:
        """Seconds between two frames."""
        return self.length_s / self.frames

    def frame_at(self, seconds: float) -> int:
        """The first frame at or after this time; the last one where there is none."""
        if not self.frames:
            return 0
        return min(self.frames - 1, -int(-seconds // self.step_s))

    def cues(self) -> tuple[Cue, ...]:
        """The phases in frames."""
        return tuple(map(self._cue, self.phases))

    def _cue(self, phase: Phase) -> Cue:
        return Cue(
            phase=phase,
            kickoff=self.frame_at(phase.kickoff_s),
            play=self.frame_at(phase.play_s),
            end=self.frame_at(phase.end_s),
        )


def _phases(match: Match) -> Iterator[Phase]:
    begin_s = played_s = 0.0
    for until_s, goal in _ends(match):
        play_s = begin_s + COUNTDOWN_S
        end_s = play_s + until_s - played_s
        yield Phase(kickoff_s=begin_s, play_s=play_s, end_s=end_s, clock_s=played_s, goal=goal)
        begin_s, played_s = end_s + CELEBRATION_S, until_s


def _ends(match: Match) -> list[tuple[float, Goal | None]]:
    """What ends a phase, at which second of play: goals, the end of regular time, the end."""
    ends: dict[float, Goal | None] = {min(match.play_s, REGULAR_S): None, match.play_s: None}
    ends |= {goal.clock_s: goal for goal in match.goals}
    return sorted(ends.items(), key=lambda end: end[0])
