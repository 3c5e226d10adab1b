"""What analysts find in the tables, of bodies in Ballchasing's shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from parsekit.body.timeline import MatchEvent, Timeline, TimelinePlayer
from parsekit.model import JsonObject, Outcome
from parsekit.tables.events import EVENTS, GOALS
from parsekit.tables.results import MATCHES, PLAYERS, RESULTS, TEAMS
from parsekit.tables.schema import Table


def outcome(data: JsonObject | None, timeline: Timeline | None = None) -> Outcome:
    return Outcome(replay="r", task_id="t", hash="h", parser="p", data=data, timeline=timeline)


def rows(table: Table, of: Outcome) -> Iterator[dict[str, Any]]:
    for row in table.rows(of):
        yield dict(zip((column.name for column in table.columns), row, strict=True))


def match(blue: int, orange: int, **more: Any) -> JsonObject:
    sides = {
        color: {"players": [{"name": color, "stats": {"core": {"goals": goals}}}]}
        for color, goals in (("blue", blue), ("orange", orange))
    }
    return {**sides, **more}


@pytest.mark.parametrize("table", [RESULTS, TEAMS, PLAYERS], ids=lambda table: table.name)
def test_winner_and_loser_know_both_scores(table: Table) -> None:
    found = [(r["won"], r["opponent_goals"]) for r in rows(table, outcome(match(3, 1)))]
    assert found == [(True, 1), (False, 3)]


def test_after_a_forfeit_at_a_draw_the_team_of_the_most_valuable_player_won() -> None:
    body = match(1, 1)
    body["orange"]["players"][0]["stats"]["core"]["mvp"] = True
    assert [r["won"] for r in rows(TEAMS, outcome(body))] == [False, True]


def test_without_a_score_nobody_is_said_to_have_lost() -> None:
    [blue, _] = rows(TEAMS, outcome({"blue": {}, "orange": {}}))
    assert (blue["won"], blue["team_goals"], blue["opponent_goals"]) == (None, None, None)


def test_overtime_has_its_length_and_none_is_0_only_where_that_is_known() -> None:
    for body, seconds in (
        (match(1, 0, overtime=True, overtime_seconds=150), 150),
        (match(1, 0, overtime=False), 0),
        (match(1, 0, overtime=True), None),
        (match(1, 0), None),
    ):
        [one] = rows(MATCHES, outcome(body))
        assert one["overtime_s"] == seconds


def test_leavers_have_the_time_that_they_played() -> None:
    body = match(1, 0)
    body["blue"]["players"][0] |= {"start_time": 12.5, "end_time": 98.5}
    blue, orange = rows(PLAYERS, outcome(body))
    assert (blue["start_s"], blue["time_played_s"]) == (12.5, 86.0)
    assert (orange["start_s"], orange["time_played_s"]) == (None, None)


def test_ranks_stand_where_they_are_known() -> None:
    body = match(1, 0)
    body["blue"]["players"][0]["rank"] = {"tier": 19, "division": 2, "name": "Grand Champion I"}
    blue, orange = rows(PLAYERS, outcome(body))
    assert [blue[name] for name in ("rank", "rank_tier", "rank_division")] == [
        "Grand Champion I",
        19,
        2,
    ]
    assert orange["rank"] is None


def test_the_game_s_own_counts_are_unknown_where_it_did_not_say() -> None:
    body = match(1, 0)
    body["blue"]["players"][0]["game_counters"] = {"epic_saves": 2, "clears": 0}
    blue, orange = rows(PLAYERS, outcome(body))
    names = ("counter_epic_saves", "counter_clears", "counter_flip_resets")
    assert [blue[name] for name in names] == [2, 0, None]
    assert [orange[name] for name in names] == [None] * 3


def test_grades_stand_beside_what_is_not_exact() -> None:
    fidelity = {
        "stream": "cut",
        "unmeasured": "approximate",
        "grades": {
            "players.stats": "exact",
            "players.stats.boost.bpm": "close",
            "players.stats.demo": "absent",
        },
    }
    blue, _ = rows(PLAYERS, outcome(match(1, 0, fidelity=fidelity)))
    assert [blue[f"{group}_grade"] for group in ("core", "boost", "demo")] == [
        "exact",
        "close",
        "absent",
    ]
    assert blue["not_exact"] == "boost_bpm=close demo_inflicted=absent demo_taken=absent"
    assert blue["stream"] == "cut"
    ungraded, _ = rows(PLAYERS, outcome(match(1, 0)))
    assert ungraded["boost_grade"] is None


def test_where_nothing_else_is_known_the_stream_still_says_why() -> None:
    fidelity = {"stream": "header only", "unmeasured": "absent", "grades": {"title": "exact"}}
    body = match(1, 0, fidelity=fidelity)
    for table in (RESULTS, MATCHES, PLAYERS):
        assert {row["stream"] for row in rows(table, outcome(body))} == {"header only"}


@pytest.mark.parametrize("odd", [None, 3, "x", [1], {"a": 1}, [{}]])
def test_no_shape_of_data_breaks_a_table(odd: Any) -> None:
    bodies: list[Any] = [
        odd,
        {"blue": odd, "orange": odd, "fidelity": odd},
        {"blue": {"players": [odd, {"rank": odd, "start_time": odd, "end_time": 2}]}},
        match(1, 0, fidelity={"grades": {"players.stats": odd}, "unmeasured": odd}),
        match(1, 0, overtime=odd, overtime_seconds=odd, season=odd, date=odd),
    ]
    for body in bodies:
        for table in (MATCHES, TEAMS, PLAYERS, GOALS, EVENTS, RESULTS):
            list(table.rows(outcome(body)))


_PLAYERS = (
    TimelinePlayer(name="Ann", platform="steam", id="7", team=0),
    TimelinePlayer(name="Bot", team=1),
)


def timeline(*events: MatchEvent) -> Timeline:
    return Timeline(definitions="1", duration_s=9, players=_PLAYERS, events=events)


def test_goals_have_the_score_that_they_made() -> None:
    goals = (
        MatchEvent(kind="goal", time_s=1, team=0, player=0, values={"ball_speed": 2000}),
        MatchEvent(kind="touch", time_s=2, team=1),
        MatchEvent(kind="goal", time_s=3, team=1, player=1, other=0),
    )
    first, second = rows(GOALS, outcome({}, timeline(*goals)))
    assert (first["number"], first["blue_goals"], first["orange_goals"]) == (1, 1, 0)
    assert (first["player"], first["player_id"], first["ball_speed"]) == ("Ann", "7", 2000)
    assert (second["number"], second["blue_goals"], second["orange_goals"]) == (2, 1, 1)
    assert (second["player"], second["player_id"], second["other_player"]) == ("Bot", None, "Ann")


def test_a_value_without_a_column_is_not_lost() -> None:
    event = MatchEvent(kind="flip_reset", time_s=1, values={"height": 700, "wheels": 4})
    [row] = rows(EVENTS, outcome({}, timeline(event)))
    assert (row["kind"], row["height"], row["more"]) == ("flip_reset", 700, '{"wheels":4}')
    assert row["definitions"] == "p 1"


def test_a_value_can_t_take_the_place_of_another_column() -> None:
    event = MatchEvent(kind="goal", time_s=1, team=0, values={"team": "orange", "kind": "x"})
    [row] = rows(EVENTS, outcome({}, timeline(event)))
    assert (row["kind"], row["team"]) == ("goal", "blue")
