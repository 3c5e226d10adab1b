"""Sums of synthetic games: what holds whatever was played."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.groups.ballchasing import group_sums
from parsekit.groups.game import game_of
from parsekit.model import JsonObject
from tests.groups.bodies import body, player

#: Of single precision, after some tens of steps.
CLOSE = 1e-4
WAYS_TO_DIVIDE = ("time_slow_speed", "time_boost_speed", "time_supersonic_speed")

hundredths = st.integers(0, 40_000).map(lambda units: units / 100)
counts = st.integers(0, 60)


@st.composite
def appearances(draw: st.DrawFn) -> JsonObject:
    """What one player did in one game."""
    goals = draw(counts)
    core = {
        "goals": goals,
        "shots": goals + draw(counts),
        "score": draw(counts),
        "mvp": draw(st.booleans()),
    }
    boost = {
        "bpm": draw(st.integers(0, 900)),
        "amount_collected": draw(st.integers(0, 5000)),
        "time_zero_boost": draw(hundredths),
        "time_full_boost": draw(hundredths),
    }
    movement = {name: draw(hundredths) for name in WAYS_TO_DIVIDE}
    played_s = draw(st.floats(2, 900))
    return player("Ada", played_s=played_s, core=core, boost=boost, movement=movement)


seasons = st.lists(appearances(), min_size=1, max_size=12)


def games_of(entries: list[JsonObject]) -> list[Any]:
    return [game_of(body([each], ["Bob"])) for each in entries]


def ada(entries: list[JsonObject]) -> JsonObject:
    found: JsonObject = group_sums(games_of(entries))["players"][0]
    return found


def exact(entries: list[JsonObject]) -> dict[str, Fraction]:
    """The same in whole fractions, written down once more from the rules."""
    played = [Fraction(int(each["end_time"] - each["start_time"])) for each in entries]

    def total(group: str, name: str) -> Fraction:
        return sum((Fraction(each["stats"][group][name]) for each in entries), Fraction())

    shots, times = (
        total("core", "shots"),
        sum((total("movement", n) for n in WAYS_TO_DIVIDE), Fraction()),
    )
    rates = (
        Fraction(each["stats"]["boost"]["bpm"]) * s for each, s in zip(entries, played, strict=True)
    )
    return {
        "core.score": total("core", "score"),
        "core.mvp": total("core", "mvp"),
        "core.shooting_percentage": 100 * total("core", "goals") / shots if shots else Fraction(),
        "boost.bpm": sum(rates, Fraction()) / sum(played),
        "boost.bcpm": 60 * total("boost", "amount_collected") / sum(played),
        "boost.percent_zero_boost": 100 * total("boost", "time_zero_boost") / sum(played),
        "movement.percent_slow_speed": 100 * total("movement", "time_slow_speed") / times
        if times
        else Fraction(),
    }


@given(entries=seasons)
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_exact_arithmetic(entries):
    found = ada(entries)["cumulative"]
    for name, value in exact(entries).items():
        group, field = name.split(".")
        assert math.isclose(found[group][field], value, rel_tol=CLOSE, abs_tol=CLOSE), name


@given(entries=seasons)
@settings(max_examples=25, deadline=None)
def test_an_average_game_has_the_sums_divided_and_the_rates_as_they_are(entries):
    whole = ada(entries)
    total, average = whole["cumulative"], whole["game_average"]
    assert math.isclose(
        average["core"]["score"] * len(entries), total["core"]["score"], rel_tol=CLOSE
    )
    for group, field in (("core", "shooting_percentage"), ("boost", "bpm"), ("boost", "bcpm")):
        assert average[group][field] == total[group][field]


@given(entries=seasons)
@settings(max_examples=25, deadline=None)
def test_a_mean_lies_between_its_games(entries):
    rates = [each["stats"]["boost"]["bpm"] for each in entries]
    assert (
        min(rates) - CLOSE <= ada(entries)["cumulative"]["boost"]["bpm"] <= max(rates) + CLOSE * 900
    )


@given(entries=seasons, group=st.sampled_from(["core", "boost", "movement"]))
@settings(max_examples=25, deadline=None)
def test_a_game_that_does_not_know_a_number_changes_no_sum_of_it(entries, group):
    known = [each for each in entries if each["stats"][group]]
    unknown = player("Ada", played_s=250, **{**entries[0]["stats"], group: {}})
    before, after = ada(known), ada([*known, unknown])
    for part in ("cumulative", "game_average"):
        assert after[part][group] == before[part][group]
    assert after["known_games"] == {group: len(known)}
    assert after["cumulative"]["games"] == len(known) + 1


@given(entry=appearances())
@settings(max_examples=20, deadline=None)
def test_one_game_is_its_own_average(entry):
    whole = ada([entry])
    average = {k: v for k, v in whole["cumulative"].items() if isinstance(v, dict)}
    assert whole["game_average"] == average


@given(entries=seasons)
@settings(max_examples=25, deadline=None)
def test_a_team_of_one_has_the_sums_of_its_player(entries):
    found = group_sums(games_of(entries))
    mine, team = found["players"][0]["cumulative"], found["teams"][0]["cumulative"]
    assert team["play_duration"] == mine["play_duration"]
    for group, fields in team.items():
        if isinstance(fields, dict):
            for field in fields:
                assert fields[field] == mine[group][field]


def test_a_header_only_replay_has_a_score_and_no_zero():
    """Times and statistics stand in such a body for its shape alone."""
    grades = {
        "players.name": "exact",
        "players.id": "exact",
        "players.stats.core": "exact",
        "teams": "exact",
    }
    fidelity = {
        "stream": "header only",
        "unmeasured": "absent",
        "grades": {**grades, "final_score": "exact"},
    }
    header_only = player("Ada", played_s=0, core={"goals": 2, "shots": 2}, boost={"bpm": 0})
    whole = player("Ada", core={"goals": 0, "shots": 2}, boost={"bpm": 300})
    found = group_sums(
        [game_of(body([header_only], ["Bob"], fidelity=fidelity)), game_of(body([whole], ["Bob"]))]
    )["players"][0]
    assert found["cumulative"]["core"]["shooting_percentage"] == 50
    assert found["cumulative"]["boost"] == found["game_average"]["boost"] == {"bpm": 300}
    assert found["cumulative"]["play_duration"] == 300
    assert found["known_games"] == {"boost": 1}


def test_a_game_without_a_winner_is_in_no_percentage():
    found = group_sums([game_of(body(["Ada"], ["Bob"], score)) for score in ((1, 0), None)])
    assert found["players"][0]["cumulative"]["win_percentage"] == 100
    assert found["players"][0]["cumulative"]["games"] == 2


def test_the_most_valuable_player_of_a_draw_won_it():
    """A forfeit: the game names a winner, and the score does not."""
    winner = player("Bob", core={"goals": 1, "mvp": True})
    found = group_sums([game_of(body(["Ada"], [winner], (1, 1)))])
    assert {each["name"]: each["cumulative"]["wins"] for each in found["players"]} == {
        "Ada": 0,
        "Bob": 1,
    }


def test_bots_play_for_their_team_and_have_no_line():
    bot = {**player("Poncho", core={"saves": 3}), "id": {}}
    found = group_sums([game_of(body([player("Ada", core={"saves": 1}), bot], ["Bob"]))])
    assert [each["name"] for each in found["players"]] == ["Ada", "Bob"]
    assert found["teams"][0]["cumulative"]["core"]["saves"] == 4


def test_who_was_never_on_the_field_played_no_game():
    spectator = player("Eve", played_s=0, core={"score": 0})
    found = group_sums([game_of(body(["Ada", spectator], ["Bob"]))])
    assert [each["name"] for each in found["players"]] == ["Ada", "Bob"]


def test_a_renamed_account_is_one_player_by_id_and_two_by_name():
    renamed = {**player("Ada"), "name": "Countess"}
    games = [game_of(body([each], ["Bob"])) for each in (player("Ada"), renamed)]
    names = [each["name"] for each in group_sums(games)["players"]]
    assert names == ["Bob", "Countess"]
    by_name = group_sums(games, player_identification="by-name")["players"]
    assert [each["name"] for each in by_name] == ["Ada", "Bob", "Countess"]


def test_the_average_powerslide_is_right_beside_the_sum_of_averages():
    slides = (
        {"time_powerslide": 1, "count_powerslide": 10, "avg_powerslide_duration": 0.1},
        {"time_powerslide": 9, "count_powerslide": 10, "avg_powerslide_duration": 0.9},
        {"time_powerslide": 0, "count_powerslide": 0, "avg_powerslide_duration": 0},
    )
    found = ada([player("Ada", movement=each) for each in slides])
    assert found["cumulative"]["movement"]["avg_powerslide_duration"] == 1
    assert found["corrected"]["cumulative"]["movement"]["avg_powerslide_duration"] == 0.5
