"""What a parsed replay tells of its match, its teams and its players, by the names of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parsekit.body.grades import Grades, known
from parsekit.body.reading import GROUPS, TEAMS, branch, number, players_of, score_of, winner_of
from parsekit.model import JsonObject, Outcome
from parsekit.tables.statistics import COUNTERS, STATISTICS

#: Columns that carry the body's name, at the top of the body.
_MATCH = (
    *("title", "date", "map_code", "map_name", "playlist_id", "playlist_name", "match_type"),
    *("match_guid", "season", "season_type", "team_size", "overtime", "date_has_timezone"),
)
_BALL = ("possession_time", "time_in_side")
_CORE = ("score", "goals", "assists", "saves", "shots", "shooting_percentage")
#: The best grade first; what a parser calls otherwise is no better than the worst.
_GRADES = ("exact", "close", "approximate", "absent")
Facts = Mapping[str, object]


def match_facts(outcome: Outcome) -> Iterator[Facts]:
    """The match; nothing of a replay that failed."""
    if outcome.ok:
        yield _match(outcome, known(branch(outcome.data)))


def team_facts(outcome: Outcome) -> Iterator[Facts]:
    """Blue, then orange."""
    if outcome.ok:
        for _, facts in _teams(outcome, known(branch(outcome.data))):
            yield facts


def player_facts(outcome: Outcome) -> Iterator[Facts]:
    """The players of blue, then those of orange, in the body's order."""
    if outcome.ok:
        graded = _grades(Grades.of(branch(outcome.data)))
        for team, facts in _teams(outcome, known(branch(outcome.data))):
            for player in players_of(team):
                yield {**facts, **_player(player), **graded}


def _match(outcome: Outcome, body: JsonObject) -> Facts:
    blue, orange = (score_of(body, color) for color in TEAMS)
    has_score = blue is not None and orange is not None
    overtime = body.get("overtime")
    return {
        "replay": outcome.replay,
        "hash": outcome.hash,
        "parser": outcome.parser_shown,
        "parser_version": outcome.parser_version,
        **{name: body.get(name) for name in _MATCH},
        "match_id": body.get("rocket_league_id"),
        "duration_s": body.get("duration"),
        "overtime_s": body.get("overtime_seconds", 0 if overtime is False else None),
        "blue_goals": blue,
        "orange_goals": orange,
        "final_score": f"{blue:g}-{orange:g}" if has_score else None,
        "winner": winner_of(body),
        "stream": branch(body, "fidelity").get("stream"),
        "warnings": "; ".join(outcome.warnings) or None,
    }


def _teams(outcome: Outcome, body: JsonObject) -> Iterator[tuple[JsonObject, Facts]]:
    """Each team's object and its facts, those of the match among them."""
    match = _match(outcome, body)
    winner = match["winner"]
    for color, other in zip(TEAMS, reversed(TEAMS), strict=True):
        team = branch(body, color)
        ball, core = branch(team, "stats", "ball"), branch(team, "stats", "core")
        facts = {
            **match,
            "team": color,
            "team_name": team.get("name"),
            "won": None if winner is None else winner == color,
            "team_goals": score_of(body, color),
            "opponent_goals": score_of(body, other),
            "players": len(list(players_of(team))),
            **{name: ball.get(name) for name in _BALL},
            **{f"players_{name}": core.get(name) for name in _CORE},
        }
        yield team, facts


def _player(player: JsonObject) -> Facts:
    identity, rank = branch(player, "id"), branch(player, "rank")
    counters = branch(player, "game_counters")
    start_s, end_s = number(player.get("start_time")), number(player.get("end_time"))
    is_there = start_s is not None and end_s is not None and end_s > 0
    stats: dict[str, Any] = {
        column.name: branch(player, "stats", group).get(name) for column, group, name in STATISTICS
    }
    return {
        "player": player.get("name"),
        "platform": identity.get("platform"),
        "player_id": identity.get("id"),
        "player_number": identity.get("player_number"),
        "car": player.get("car_name"),
        "mvp": branch(player, "stats", "core").get("mvp"),
        "start_s": start_s if is_there else None,
        "time_played_s": (end_s or 0) - (start_s or 0) if is_there else None,
        "rank_tier": rank.get("tier"),
        "rank_division": rank.get("division"),
        "rank": rank.get("name"),
        **stats,
        **{column.name: counters.get(name) for column, name in COUNTERS},
    }


def _grades(grades: Grades) -> Facts:
    """The worst grade of each group of statistics, and those that are not exact by column."""
    if not grades.by_path and grades.unmeasured is None:
        return {}
    found = {
        (group, column.name): grades.grade(f"players.stats.{group}.{name}")
        for column, group, name in STATISTICS
    }
    worst = {
        f"{group}_grade": max(
            (grade for (of, _), grade in found.items() if of == group), key=_badness
        )
        for group in GROUPS
    }
    others = [f"{name}={grade}" for (_, name), grade in found.items() if grade != _GRADES[0]]
    return {**worst, "not_exact": " ".join(others) or None}


def _badness(grade: object) -> int:
    return _GRADES.index(str(grade)) if grade in _GRADES else len(_GRADES) - 1
