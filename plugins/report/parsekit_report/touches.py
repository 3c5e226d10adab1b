"""Where everybody touched the ball, from where goals came, 50/50s, aerials, and each in a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parsekit import MatchEvent, Timeline
from parsekit_report.goals import KMH, last_touch
from parsekit_report.moments import name_at, number_of, of_kind, shown_clock, text_of
from parsekit_report.pitch import drawn, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchMap:
    """The touches of a player, who attacks to the right.

    ``sure`` and ``guesses`` are paths of dots: that the replay reports, and that a rule found.
    ``goals`` are the player's last touches before own goals of the team.
    """

    label: str
    team: int | None
    sure: str
    guesses: str
    goals: tuple[tuple[int, int], ...]
    count: int
    guessed: int
    own_half: int
    contests: Contests
    aerials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contests:
    """A player's 50/50s, by how they ended."""

    won: int
    lost: int
    even: int


@dataclass(slots=True, kw_only=True)
class BallContact:
    """A touch as a line of the list. ``rival`` is who was in a 50/50, ``outcome`` how it ended.

    ``height_m`` is that of the car in an aerial.
    """

    time_s: float | None
    clock: str
    name: str
    team: int | None
    speed_kmh: float | None
    guess: bool
    rival: str | None = None
    outcome: str | None = None
    height_m: float | None = None


def touch_maps_of(timeline: Timeline | None) -> tuple[TouchMap, ...]:
    """A map for everybody who touched the ball."""
    return tuple(_maps(timeline)) if timeline else ()


def _maps(timeline: Timeline) -> Iterator[TouchMap]:
    last_touches = [
        touch
        for goal in of_kind(timeline, "goal")
        if (touch := last_touch(timeline, goal)) and touch.team == goal.team
    ]
    for index, player in enumerate(timeline.players):
        own = [each for each in of_kind(timeline, "touch") if each.player == index]
        if not own:
            continue
        guesses = [each for each in own if each.confidence == "guess"]
        places = list(_places(own, player.team))
        scored = [each for each in last_touches if each.player == index]
        yield TouchMap(
            label=player.name,
            team=player.team,
            sure=_dots(_places((e for e in own if e.confidence != "guess"), player.team)),
            guesses=_dots(_places(guesses, player.team)),
            goals=tuple(_places(scored, player.team)),
            count=len(own),
            guessed=len(guesses),
            own_half=sum(x < 0 for x, _ in places),
            contests=_contests(timeline, index),
            aerials=sum(each.player == index for each in of_kind(timeline, "aerial")),
        )


def _contests(timeline: Timeline, index: int) -> Contests:
    """Of both who took part: what is won for the one is lost for the other."""
    fifties = list(of_kind(timeline, "fifty_fifty"))
    own = [text_of(each, "outcome") for each in fifties if each.player == index]
    others = [text_of(each, "outcome") for each in fifties if each.other == index]
    won = own.count("won") + others.count("lost")
    lost = own.count("lost") + others.count("won")
    return Contests(won=won, lost=lost, even=len(own) + len(others) - won - lost)


def contacts_of(timeline: Timeline | None) -> tuple[BallContact, ...]:
    """Every touch, 50/50 and aerial in the order of time; those of one moment are one line."""
    return tuple(_contacts(timeline).values()) if timeline else ()


def _contacts(timeline: Timeline) -> dict[tuple[float | None, int | None], BallContact]:
    found: dict[tuple[float | None, int | None], BallContact] = {}
    for event in of_kind(timeline, "touch", "fifty_fifty", "aerial"):
        contact = found.setdefault((event.time_s, event.player), _contact(timeline, event))
        if event.kind == "fifty_fifty":
            contact.rival = name_at(timeline, event.other)
            contact.outcome = text_of(event, "outcome")
        elif event.kind == "aerial":
            height = number_of(event, "height")
            contact.height_m = None if height is None else height / 100
    return found


def _contact(timeline: Timeline, event: MatchEvent) -> BallContact:
    speed = number_of(event, "ball_speed")
    return BallContact(
        time_s=event.time_s,
        clock=shown_clock(event),
        name=name_at(timeline, event.player),
        team=event.team,
        speed_kmh=None if speed is None else speed * KMH,
        guess=event.confidence == "guess",
    )


def _places(events: Iterable[MatchEvent], team: int | None) -> Iterator[tuple[int, int]]:
    for event in events:
        if event.position is not None:
            yield drawn(*relative(*event.position[:2], team))


def _dots(places: Iterable[tuple[int, int]]) -> str:
    """Lines of no length, which round ends make dots of."""
    return "".join(f"M{x} {y}h0" for x, y in places)
