"""The tables of goals and events, from a parser's timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parsekit.body.reading import TEAMS as COLORS
from parsekit.body.reading import branch
from parsekit.body.timeline import MatchEvent, Timeline
from parsekit.json_text import encoded
from parsekit.model import Outcome
from parsekit.tables.results import KEY
from parsekit.tables.schema import Column, Table

_WHEN = (
    Column("time_s", "number", "seconds from the recording's beginning, no goal replays", "s"),
    Column("clock_s", "integer", "the scoreboard: seconds left, in overtime played", "s"),
    Column("overtime", "boolean", "whether it was in overtime"),
)
_WHO = (
    Column("team", "text", "blue or orange: the team of the player, or whose event it is"),
    Column("player", "text", "who did it"),
    Column("platform", "text", "platform of the player"),
    Column("player_id", "text", "account of the player"),
    Column("other_player", "text", "a second player: assist, victim, opponent"),
    Column("other_platform", "text", "platform of the second player"),
    Column("other_id", "text", "account of the second player"),
)
_WHERE = tuple(
    Column(axis, "number", meaning, "uu")
    for axis, meaning in (
        ("x", "place across the field"),
        ("y", "place along the field; blue defends y < 0"),
        ("z", "height"),
    )
)
#: What single kinds have, by their definitions (docs/events.md of the parser).
_VALUES = (
    Column("outcome", "text", "kickoff, fifty_fifty: won, lost or neutral for the team"),
    Column("spawn", "text", "kickoff: back, off_centre_left, diagonal_right …"),
    Column("role", "text", "kickoff: taker or support"),
    Column("number", "integer", "kickoff, goal: which one of the match"),
    Column("first_touch", "boolean", "kickoff: whether the player touched the ball first"),
    Column("time_to_ball_s", "number", "kickoff: seconds from go to the ball", "s"),
    Column("ball_speed", "number", "goal, touch, shot, save: speed of the ball then", "uu/s"),
    Column("ball_turn", "number", "touch: change of the ball's velocity", "uu/s"),
    Column("reported", "boolean", "touch: whether the game says so"),
    Column("touches", "integer", "possession: touches of the team"),
    Column("players", "integer", "possession: players who touched the ball"),
    Column("ended_by", "text", "possession: opponent or stoppage"),
    Column("ballchasing_s", "number", "possession: what Ballchasing counts of it", "s"),
    Column("height", "number", "aerial: height of the car's centre", "uu"),
    Column("pad", "text", "boost_pickup: big or small"),
    Column("boost", "number", "boost_pickup: boost gained", "percent"),
    Column("overfill", "number", "boost_pickup: boost beyond a full tank", "percent"),
    Column("stolen", "boolean", "boost_pickup: whether in the opponents' half"),
    Column("scored", "boolean", "shot: whether it became the player's goal"),
    Column("frame", "integer", "goal: frame of the recording, as the header says"),
)
_KNOWN = frozenset(column.name for column in _VALUES)


def _goals(outcome: Outcome) -> Iterator[Mapping[str, object]]:
    score = [0, 0]
    for facts, event in _events(outcome):
        if event.kind != "goal":
            continue
        if event.team is not None:
            score[event.team] += 1
        yield {**facts, "blue_goals": score[0], "orange_goals": score[1], "number": sum(score)}


def _events(outcome: Outcome) -> Iterator[tuple[dict[str, object], MatchEvent]]:
    timeline = outcome.timeline
    if timeline is None:
        return
    match = {
        "replay": outcome.replay,
        "hash": outcome.hash,
        "match_id": branch(outcome.data).get("rocket_league_id"),
        "definitions": f"{outcome.parser_shown} {timeline.definitions}",
    }
    for event in timeline.events:
        yield {**match, **event_facts(event, timeline)}, event


def event_facts(event: MatchEvent, timeline: Timeline) -> dict[str, object]:
    """One event by the names of columns; values that have no column stand in ``more``."""
    x, y, z = event.position or (None, None, None)
    more = {name: value for name, value in event.values.items() if name not in _KNOWN}
    return {
        **{name: value for name, value in event.values.items() if name in _KNOWN},
        "kind": event.kind,
        "time_s": event.time_s,
        "end_s": event.end_s,
        "clock_s": event.clock_s,
        "overtime": event.overtime if event.time_s is not None else None,
        "team": None if event.team is None else COLORS[event.team],
        **_player(timeline, event.player, "player", "platform", "player_id"),
        **_player(timeline, event.other, "other_player", "other_platform", "other_id"),
        "x": x,
        "y": y,
        "z": z,
        "confidence": event.confidence,
        "more": encoded(more) if more else None,
    }


def _player(timeline: Timeline, index: int | None, *names: str) -> dict[str, object]:
    if index is None:
        return {}
    player = timeline.players[index]
    return dict(zip(names, (player.name, player.platform or None, player.id or None), strict=True))


GOALS = Table(
    name="goals",
    meaning="one row a goal of the header's list; own goals stand with who is credited",
    columns=(
        *KEY,
        Column("number", "integer", "which goal of the match"),
        *_WHEN,
        *_WHO,
        *_WHERE,
        Column("ball_speed", "number", "speed of the ball at the goal", "uu/s"),
        Column("blue_goals", "integer", "goals of blue by then"),
        Column("orange_goals", "integer", "goals of orange by then"),
    ),
    facts=_goals,
)
EVENTS = Table(
    name="events",
    meaning="one row an event, as its definition tells",
    columns=(
        *KEY,
        Column("match_id", "text", "the game's id of the replay"),
        Column("definitions", "text", "parser and version of the definitions of its events"),
        Column("kind", "text", "goal, kickoff, touch, shot, save …"),
        *_WHEN,
        Column("end_s", "number", "when it ended, where it has a length", "s"),
        *_WHO,
        *_WHERE,
        Column("confidence", "text", "exact, computed or guess"),
        *_VALUES,
        Column("more", "text", "values without a column, as JSON"),
    ),
    facts=lambda outcome: (facts for facts, _ in _events(outcome)),
)
