"""The lives of a log: who was there, of what kind, and whose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parsekit_local.stream.frames import Ints
from parsekit_local.stream.log import TALLIES, EventCode, StreamLog


@dataclass(slots=True, kw_only=True, eq=False)
class Life:
    """One life of one actor id: from its creation to its deletion or replacement.

    ``values`` holds the last report of each attribute that is remembered as it came, and of each
    tally. ``owner`` is the first actor that this one was linked to (a car's player, a component's
    car). ``end_frame`` is the number of frames for who is there until the end.
    """

    number: int
    kind: str
    first_frame: int = 0
    end_frame: int = 0
    owner: Life | None = None
    team: int | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_car(self) -> bool:
        """Whether a player drives this actor."""
        return self.kind.startswith("Archetypes.Car.") or self.kind.endswith(_CAR_OF_A_MODE)

    @property
    def is_ball(self) -> bool:
        """Whether this is one of the match's balls."""
        package, _, name = self.kind.lower().rpartition(".")
        is_ball = name.startswith("ball_") or name == "cubeball"
        return package == "archetypes.ball" and is_ball and name not in _NO_BALLS

    @property
    def is_boost(self) -> bool:
        """Whether this is the boost component of a car."""
        return "CarComponent_Boost" in self.kind or self.kind.endswith(_BOOST_OF_A_MODE)

    @property
    def is_player(self) -> bool:
        """Whether this actor stands for a player (a PRI), bots and spectators among them."""
        return "Default__PRI_" in self.kind

    @property
    def team_number(self) -> int | None:
        """The number of the team that this actor is, where it is one."""
        return int(self.kind[-1]) if self.kind in _TEAMS else None


#: Some modes bring a car of their own (`GameEvent_Season:CarArchetype` is a ``Car_Season_TA``), and
#: Knockout a boost. Source of these and of the balls: boxcars' table of archetypes and classes.
_CAR_OF_A_MODE = (":CarArchetype", "Default__Car_TA")
_BOOST_OF_A_MODE = ":CarArchetype.Boost"
#: Stands among the balls and makes them; its class is no ball's.
_NO_BALLS = frozenset(("ball_ringspawner",))
#: The white ones are those of free play.
_TEAMS = frozenset(f"Archetypes.Teams.Team{name}" for name in ("0", "1", "White0", "White1"))


@dataclass(frozen=True, slots=True, eq=False)
class LoggedEvents:
    """The events of one code, in the order of the stream."""

    frame: Ints
    life: Ints
    a: Ints
    b: Ints

    def __len__(self) -> int:
        return len(self.frame)


def events_of(log: StreamLog, code: EventCode) -> LoggedEvents:
    """Pick the events of one code."""
    rows = np.flatnonzero(log.event_code == code)
    columns = (log.event_frame, log.event_life, log.event_a, log.event_b)
    return LoggedEvents(*(column[rows].astype(np.int64) for column in columns))


def lives_of(log: StreamLog) -> list[Life]:
    """Give every life, in the order of creation, with what it was linked to."""
    spans = zip(log.life_kind.tolist(), log.life_first.tolist(), log.life_end.tolist(), strict=True)
    lives = [
        Life(
            number=number,
            kind=log.kinds[kind],
            first_frame=first,
            end_frame=log.frame_count if end < 0 else end,
        )
        for number, (kind, first, end) in enumerate(spans)
    ]
    for life, name, value in log.values:
        lives[life].values[name] = value
    tallies = events_of(log, EventCode.TALLY)
    for life, count, tally in zip(
        tallies.life.tolist(), tallies.a.tolist(), tallies.b.tolist(), strict=True
    ):
        lives[life].values[TALLIES[tally]] = count
    owned = events_of(log, EventCode.OWNER)
    for life, owner in zip(owned.life.tolist(), owned.a.tolist(), strict=True):
        # in old files a component's car is named seconds after its first values
        if owner >= 0 and lives[life].owner is None:
            lives[life].owner = lives[owner]
    joined = events_of(log, EventCode.TEAM)
    for life, team in zip(joined.life.tolist(), joined.a.tolist(), strict=True):
        if team >= 0 and lives[team].team_number is not None:
            lives[life].team = lives[team].team_number
    return lives
