"""Sums against a real group body of two games, to the last digit.

The body tells what four players did in their only game. Of the two who played both games only the
totals stand there; the games are recovered from them: any two games with these totals give the
same sums, and where a total is a weighted mean, whole units leave few games that fit both it and
the team's average. With other weights than the played seconds there would be none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from parsekit.groups.ballchasing import group_sums
from parsekit.groups.game import Game, game_of
from parsekit.groups.single import single, single_sum

#: Whole seconds of the two games, from the play durations of those who played only one.
FIRST_S, SECOND_S = 366, 239
Flat = dict[str, float]
FIELD_GROUPS = ("core", "boost", "movement", "positioning", "demo")
#: Per game and team the smallest step of a number that each game states rounded.
STEPS = {"boost.bpm": 1.0, "boost.avg_amount": 0.01, "movement.avg_speed": 1.0}
DISTANCES = ("", "_possession", "_no_possession")
#: Numbers that follow from others of the same totals.
DERIVED = ("bcpm", "avg_speed_percentage", "shooting_percentage")
STEPS |= {f"positioning.avg_distance_to_ball{which}": 1.0 for which in DISTANCES}


@pytest.fixture(scope="module")
def group(shared: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((shared / "ballchasing/groups/group.json").read_text())
    return body


@pytest.fixture(scope="module")
def games(group: dict[str, Any]) -> list[Game]:
    return [game_of(body) for body in recovered(group)]


def flat(stats: dict[str, Any]) -> Flat:
    return {
        f"{name}.{key}": value
        for name, each in stats.items()
        if isinstance(each, dict)
        for key, value in each.items()
    }


def recovered(group: dict[str, Any]) -> list[dict[str, Any]]:
    """Two replay bodies that the group's numbers may have come from."""
    players = {player["name"]: player for player in group["players"]}
    both, *others = group["teams"]
    names = [player["name"] for player in both["players"]]
    first, second = split(*(flat(players[name]["cumulative"]) for name in names), team=both)
    bodies = []
    for rivals, stats, seconds in zip(others, (first, second), (FIRST_S, SECOND_S), strict=True):
        theirs = {name: flat(players[name]["cumulative"]) for name in rivals["name"].split(" & ")}
        bodies.append(
            {
                "blue": side(dict(zip(names, stats, strict=True)), players, seconds),
                "orange": side(theirs, players, seconds),
                "final_score": {
                    "blue": next(iter(theirs.values()))["core.goals_against"],
                    "orange": sum(each["core.goals"] for each in theirs.values()),
                },
            }
        )
    return bodies


def side(of: dict[str, Flat], players: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {"players": [entry(players[name], stats, seconds) for name, stats in of.items()]}


def entry(player: dict[str, Any], stats: Flat, seconds: int) -> dict[str, Any]:
    groups: dict[str, dict[str, float]] = {}
    for name, value in stats.items():
        groups.setdefault(name.split(".")[0], {})[name.split(".")[1]] = value
    return {
        "name": player["name"],
        "id": {"platform": player["platform"].lower(), "id": player["id"]},
        "start_time": 0,
        "end_time": seconds + 0.7,
        "stats": groups,
    }


def split(left: Flat, right: Flat, *, team: dict[str, Any]) -> tuple[list[Flat], list[Flat]]:
    """The numbers of two players in the first and in the second game."""
    totals, average = flat(team["cumulative"]), flat(team["game_average"])
    games: tuple[list[Flat], list[Flat]] = ([{}, {}], [{}, {}])
    for stat in left:
        name = stat.split(".")[1]
        if stat in STEPS:
            found = means(left[stat], right[stat], average.get(stat), STEPS[stat])
        elif name == "amount_collected":
            found = collected(left[stat], right[stat], average["boost.bcpm"])
        elif name.startswith("percent_") or name in DERIVED:
            continue
        else:
            decimals = 2 if name.startswith(("time_", "avg_powerslide")) else 0
            team_total = None if name.endswith("_against") else totals.get(stat)
            found = sums(left[stat], right[stat], team_total, decimals)
        for game, values in zip(games, found, strict=True):
            for player, value in zip(game, values, strict=True):
                player[stat] = value
    return games


Pair = tuple[float, float]


def sums(left: float, right: float, team: float | None, decimals: int) -> tuple[Pair, Pair]:
    """Two games of two players with these sums; of the team too, which adds game by game."""

    def halves(total: float) -> Iterator[Pair]:
        for part in range(1, 60):
            first = round(total * part / 60, decimals)
            second = round(total - first, decimals)
            if single_sum((first, second)) == single(total):
                yield first, second

    for mine, yours in product(halves(left), halves(right)):
        games = (mine[0], yours[0]), (mine[1], yours[1])
        if team is None or single_sum(map(single_sum, games)) == single(team):
            return games
    raise AssertionError(f"no two games have the sums {left}, {right} and {team}")


def collected(left: float, right: float, team_rate: float) -> tuple[Pair, Pair]:
    """Boost collected, so that the team's mean of both games' rates comes out."""
    both = left + right
    first = (team_rate / 30 - both / SECOND_S) / (1 / FIRST_S - 1 / SECOND_S)
    assert first == pytest.approx(round(first), abs=0.02), "no whole amount gives the rate"
    mine = round(left / 2)
    return (mine, round(first) - mine), (left - mine, right - round(first) + mine)


def means(left: float, right: float, team: float | None, step: float) -> tuple[Pair, Pair]:
    """Two games whose means, weighted by the seconds played, and whose team's mean are these."""

    def fitting(mean: float) -> Iterator[Pair]:
        units = round(mean * (FIRST_S + SECOND_S) / step)
        for first in range(int(2.2 * mean / step)):
            second, rest = divmod(units - first * FIRST_S, SECOND_S)
            if rest == 0 and second >= 0:
                yield round(first * step, 2), round(second * step, 2)

    def even(games: tuple[Pair, Pair]) -> float:
        return abs(games[0][0] - games[0][1]) + abs(games[1][0] - games[1][1])

    found = [
        (mine, yours)
        for mine, yours in product(fitting(left), fitting(right))
        if team is None
        or single_sum(map(single_sum, zip(mine, yours, strict=True))) == 2 * single(team)
    ]
    assert found, f"no two games have the means {left}, {right} and {team}"
    mine, yours = min(found, key=even)
    return (mine[0], yours[0]), (mine[1], yours[1])


def compared(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    """Every number that differs, and every field that only one of the two has."""
    return [
        f"{path}: {left} is {right} there"
        for left_whole, right_whole in zip(ours, theirs, strict=True)
        for path, left, right in differing(left_whole, right_whole, left_whole["name"])
    ]


def differing(left: Any, right: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left.keys() | right.keys():
            yield from differing(left.get(name), right.get(name), f"{path}.{name}")
    elif isinstance(left, list) and isinstance(right, list):
        for place, pair in enumerate(zip(left, right, strict=True)):
            yield from differing(*pair, f"{path}[{place}]")
    elif left != right or type(left) is not type(right):
        yield path, left, right


def without_ours(sums: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in each.items() if k != "corrected"} for each in sums]


def test_every_number_of_every_player_is_the_same(group, games):
    ours = without_ours(group_sums(games)["players"])
    assert compared(ours, group["players"]) == []


def test_every_number_of_every_team_is_the_same(group, games):
    """The members of a team stand in an order that the body does not explain."""
    ours = without_ours(group_sums(games)["teams"])
    for team in (*ours, *group["teams"]):
        team["players"] = sorted(team["players"], key=lambda each: each["id"])
    assert compared(ours, group["teams"]) == []


@pytest.mark.parametrize("kind", ["players", "teams"])
def test_fields_stand_in_the_same_order(group, games, kind):
    ours, theirs = (
        [
            [
                [*each[part][name]]
                for part in ("cumulative", "game_average")
                for name in FIELD_GROUPS
            ]
            for each in body[kind]
        ]
        for body in (group_sums(games), group)
    )
    assert ours == theirs


def test_what_is_not_divided_there_stands_divided_beside_it(group, games):
    ours = group_sums(games)["teams"][0]
    wrong, right = ours["game_average"]["boost"], ours["corrected"]["game_average"]["boost"]
    assert {name: wrong[name] / 2 for name in right} == right
    assert sorted(right) == [
        "amount_overfill",
        "amount_overfill_stolen",
        "amount_used_while_supersonic",
        "time_full_boost",
    ]


@pytest.mark.parametrize("other", [(365.3, 238.2), (1, 1), (238.2, 365.3)])
def test_other_weights_than_whole_seconds_played_have_other_digits(group, games, other):
    """Not the seconds with their fractions, not the games, not the other game's seconds."""
    found = group["players"][3]["cumulative"]["boost"]["bpm"]
    first, second = (
        next(each for each in game.players if each.name == "Player D") for game in games
    )
    rates = first.stats["boost.bpm"], second.stats["boost.bpm"]
    mean = sum(rate * weight for rate, weight in zip(rates, other, strict=True)) / sum(other)
    assert single(mean) != single(found)
