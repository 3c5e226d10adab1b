from __future__ import annotations

import io
import math
from typing import Any

import pyarrow.parquet
import pytest

from parsekit.formats.listing import MatchLines
from parsekit.formats.match import match_of
from parsekit.formats.parquet import ParquetRows
from parsekit.formats.table import MatchDetail
from parsekit.model import JsonObject, Outcome
from parsekit.tables.results import RESULTS

#: Whatever stands where a number, a text, a list or an object is expected.
ODD: list[Any] = [
    None,
    True,
    3,
    -1.5,
    10**400,
    math.nan,
    math.inf,
    "",
    "x\udce9",
    [],
    [1],
    {},
    {"a": 1},
]


def outcome(data: Any) -> Outcome:
    return Outcome(replay="r", task_id="t", data=data)


def row(data: dict[str, Any]) -> dict[str, Any]:
    (values,) = RESULTS.rows(outcome(data))
    return dict(zip((column.name for column in RESULTS.columns), values, strict=True))


def player(**stats: Any) -> dict[str, Any]:
    return {"blue": {"players": [{"name": "Ada", "stats": stats}]}}


def test_statistics_carry_their_group_in_front() -> None:
    values = row(player(core={"goals": 2}, boost={"bpm": 400}, demo={"taken": 1}))
    assert (values["goals"], values["boost_bpm"], values["demo_taken"]) == (2, 400.0, 1)


def test_a_value_of_another_type_is_left_out() -> None:
    values = row(player(core={"goals": "two", "mvp": "yes"}, boost={"bpm": [400]}))
    assert (values["goals"], values["mvp"], values["boost_bpm"]) == (None, None, None)


def test_a_whole_number_that_came_as_a_float_is_whole() -> None:
    assert row(player(core={"goals": 2.0}))["goals"] == 2
    assert row(player(core={"goals": 2.5}))["goals"] is None


def test_goals_of_a_team_are_summed_where_nobody_stated_them() -> None:
    match = match_of(player(core={"goals": 2}))
    assert [team.goals for team in match.teams] == [2, None]
    assert match.score is None


def test_the_final_score_is_the_one_that_is_stated_whatever_the_players_scored() -> None:
    data = {**player(core={"goals": 8}), "final_score": {"blue": 6, "orange": 4}}
    assert row(data)["team_goals"] == 6
    match = match_of(data)
    assert (match.score, [team.goals for team in match.teams]) == ("6-4", [8, None])


@pytest.mark.parametrize("odd", [None, "6", True, [6], {}, math.nan, 10**400])
def test_a_final_score_of_another_form_counts_as_none(odd: Any) -> None:
    scored = player(core={"goals": 2})
    assert row({**scored, "final_score": {"blue": odd}})["team_goals"] == 2
    assert row({**scored, "final_score": odd})["team_goals"] == 2


def test_what_a_body_calls_absent_is_an_empty_cell() -> None:
    grades = {"grades": {"duration": "absent", "players.stats": "absent", "overtime": "absent"}}
    data = {**player(core={"goals": 0}), "duration": 0, "overtime": False, "fidelity": grades}
    values = row(data)
    assert [values[name] for name in ("goals", "duration_s", "overtime")] == [None] * 3
    assert values["player"] == "Ada"


def test_warnings_and_split_screen_numbers_stand_in_the_row() -> None:
    data = player(core={})
    data["blue"]["players"][0]["id"] = {"platform": "steam", "id": "1", "player_number": 1}
    (facts,) = RESULTS.facts(Outcome(replay="r", task_id="t", data=data, warnings=("a", "b")))
    assert (facts["player_number"], facts["warnings"]) == (1, "a; b")


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_shape_of_data_breaks_a_format(odd: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stats = dict.fromkeys(("core", "boost"), odd) | {"movement": {"avg_speed": odd}}
    one = {"name": odd, "id": odd, "stats": stats}
    bodies: list[Any] = [
        odd,
        {"blue": odd, "orange": odd, "duration": odd, "date": odd, "title": odd},
        {"blue": {"players": odd, "stats": odd}, "orange": {"players": [odd, one]}},
        {"blue": {"players": [{"stats": {"core": {"goals": odd}}}]}, "team_size": odd},
        {"blue": {"players": [one]}, "final_score": odd, "fidelity": odd},
        {"final_score": {"blue": odd, "orange": 1}, "fidelity": {"grades": {"blue": odd}}},
    ]
    table = io.BytesIO()
    parquet = ParquetRows(table)
    for body in bodies:
        for writer in (MatchLines(), MatchDetail(), parquet):
            writer.write(outcome(body))
    parquet.close()
    assert pyarrow.parquet.read_table(io.BytesIO(table.getvalue())).num_rows >= 1
    assert capsys.readouterr().out


def test_every_statistic_of_a_real_body_has_a_column(samples: dict[str, JsonObject]) -> None:
    names = {column.name for column in RESULTS.columns}
    for body in samples.values():
        for one in body["blue"]["players"]:
            for group, stats in one["stats"].items():
                prefix = "" if group == "core" else f"{group}_"
                assert {prefix + name for name in stats} <= names
        assert len(list(RESULTS.rows(outcome(body)))) == sum(
            len(body[team]["players"]) for team in ("blue", "orange")
        )
