"""Where everybody touched the ball, and from where goals came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parsekit import MatchEvent, Timeline
from parsekit_report.goals import last_touch
from parsekit_report.moments import of_kind
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
        )


def _places(events: Iterable[MatchEvent], team: int | None) -> Iterator[tuple[int, int]]:
    for event in events:
        if event.position is not None:
            yield drawn(*relative(*event.position[:2], team))


def _dots(places: Iterable[tuple[int, int]]) -> str:
    """Lines of no length, which round ends make dots of."""
    return "".join(f"M{x} {y}h0" for x, y in places)
