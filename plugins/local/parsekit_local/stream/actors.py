"""What the reader of a stream remembers of each actor while it reads."""

from __future__ import annotations

from typing import Any


class Actor:
    """One life of one actor id: from its creation to its deletion or replacement.

    ``values`` holds the last report of each attribute that is remembered as it came; ``owner`` is
    the first actor that this one was linked to (a car's player, a component's car).
    """

    __slots__ = (
        "bodies",
        "boost",
        "end_frame",
        "first_frame",
        "handbrake",
        "kind",
        "number",
        "owner",
        "pad_is_free",
        "pickups",
        "sleeping",
        "team",
        "values",
    )

    def __init__(self, number: int, kind: str, first_frame: int) -> None:
        self.number = number
        self.kind = kind
        self.first_frame = first_frame
        self.end_frame: int | None = None
        self.owner: Actor | None = None
        self.team: int | None = None
        self.pad_is_free = True
        self.sleeping = False
        self.values: dict[str, Any] = {}
        self.bodies: list[tuple[float, ...]] = []
        self.boost: list[tuple[int, int]] = []
        self.handbrake: list[tuple[int, bool]] = []
        self.pickups: list[tuple[int, int]] = []

    def repeats_body(self, row: tuple[float, ...], sleeping: bool) -> bool:
        """Tell whether a body report, but for its frame, is the last one again."""
        return bool(self.bodies) and self.bodies[-1][1:] == row[1:] and self.sleeping == sleeping

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


class ActorTable:
    """All actors of a replay: those alive by their id, and everyone who ever was."""

    def __init__(self) -> None:
        self.alive: dict[int, Actor] = {}
        self.all: list[Actor] = []

    def enter(self, actor_id: int, kind: str, frame: int) -> None:
        """Start a life; the same kind under a living id is a key frame's repetition."""
        known = self.alive.get(actor_id)
        if known is not None:
            if known.kind == kind:
                return
            known.end_frame = frame
        self.alive[actor_id] = actor = Actor(len(self.all), kind, frame)
        self.all.append(actor)

    def leave(self, actor_id: int, frame: int) -> None:
        """End the life that goes by this id, if any."""
        actor = self.alive.pop(actor_id, None)
        if actor is not None:
            actor.end_frame = frame

    def who(self, reference: Any) -> Actor | None:
        """Find the living actor that a value refers to, in any form the library uses."""
        actor_id = reference["actor"] if isinstance(reference, dict) else reference
        return self.alive.get(actor_id)
