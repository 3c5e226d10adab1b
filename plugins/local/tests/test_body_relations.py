"""The relations that hold in every body of Ballchasing's (shared/ballchasing/FIELDS.md).

They are asked of our bodies of real replays and of invented matches, and of Ballchasing's own,
which shows that the relations are written down right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from parsekit import JsonObject, Parsed
from parsekit.testing import believable_match, write_replay

Parse = Callable[..., Parsed]
#: Values are 32-bit floats printed in decimal (relation 13).
_STEP = 1e-4
#: Two decimals, as times are published.
_CENT = 0.011

_ROLES = ("most_back", "most_forward", "closest_to_ball", "farthest_from_ball")
_BANDS = ("0_25", "25_50", "50_75", "75_100")


@pytest.fixture(scope="module")
def invented(parse: Parse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, JsonObject]:
    """One against one to four against four, with bots, short, and with overtime."""
    folder = tmp_path_factory.mktemp("invented")
    matches = {
        **{f"{n} a side": (believable_match(team_size=n, seed=n), 3000) for n in (1, 2, 3, 4)},
        "overtime": (believable_match(team_size=3, overtime=True, seed=5), 3000),
        "bots": (believable_match(team_size=2, bots=2, seed=6), 600),
        "coarse": (believable_match(team_size=4, bots=1, seed=7), 30),
    }
    return {
        name: parse(write_replay(folder / f"{name}.replay", match, frames)).data
        for name, (match, frames) in matches.items()
    }


@pytest.fixture(scope="module", params=["good", "odd", "invented", "samples"])
def bodies(request: pytest.FixtureRequest) -> dict[str, JsonObject]:
    """Bodies by name: ours of real replays, ours of invented matches, Ballchasing's.

    Those without any score, as nothing was recorded, have no relations.
    """
    found = request.getfixturevalue(request.param)
    bodies = {name: one.data if isinstance(one, Parsed) else one for name, one in found.items()}
    return {name: body for name, body in bodies.items() if body["blue"]["stats"]["core"]}


def _teams(bodies: dict[str, JsonObject]) -> Iterator[tuple[str, JsonObject, JsonObject]]:
    for name, body in bodies.items():
        yield f"{name} blue", body["blue"], body["orange"]
        yield f"{name} orange", body["orange"], body["blue"]


def _measured(bodies: dict[str, JsonObject]) -> Iterator[tuple[str, JsonObject]]:
    """Every player of a match whose network stream was read."""
    for name, team, _ in _teams(bodies):
        for place, player in enumerate(team["players"], 1):
            if player["stats"]["boost"]:
                yield f"{name} {place}", player


def _near(left: float, right: float, absolute: float = 1e-6) -> bool:
    return math.isclose(left, right, rel_tol=_STEP, abs_tol=absolute)


def test_1_teams_are_the_sums_of_their_players(bodies: dict[str, JsonObject]) -> None:
    for name, team, _ in _teams(bodies):
        for group in ("core", "boost", "movement", "positioning", "demo"):
            for leaf, total in team["stats"][group].items():
                if leaf in ("goals_against", "shots_against", "shooting_percentage"):
                    continue
                parts = [player["stats"][group].get(leaf, 0) for player in team["players"]]
                assert _near(total, sum(parts), 0.001), (name, group, leaf)


def test_2_what_counts_against_is_the_other_team_s(bodies: dict[str, JsonObject]) -> None:
    for name, team, other in _teams(bodies):
        for leaf in ("goals", "shots"):
            against = other["stats"]["core"][leaf]
            assert team["stats"]["core"][f"{leaf}_against"] == against, name
            players = [player["stats"]["core"][f"{leaf}_against"] for player in team["players"]]
            assert players == [against] * len(players), name


def test_3_shooting_percentage_is_goals_by_shots(bodies: dict[str, JsonObject]) -> None:
    cores = [team["stats"]["core"] for _, team, _ in _teams(bodies)]
    cores += [player["stats"]["core"] for _, player in _measured(bodies)]
    for core in cores:
        wanted = 100 * core["goals"] / core["shots"] if core["shots"] else 0
        assert _near(core["shooting_percentage"], wanted)


def test_4_speed_percentage_is_of_2300(bodies: dict[str, JsonObject]) -> None:
    for name, player in _measured(bodies):
        movement = player["stats"]["movement"]
        assert _near(movement["avg_speed_percentage"], movement["avg_speed"] / 23), name


def test_5_amounts_are_those_of_big_and_small_pads(bodies: dict[str, JsonObject]) -> None:
    for name, player in _measured(bodies):
        boost = player["stats"]["boost"]
        for amount in ("amount_collected", "amount_stolen"):
            assert boost[amount] == boost[f"{amount}_big"] + boost[f"{amount}_small"], name


def test_6_boost_shares_are_of_the_four_bands(bodies: dict[str, JsonObject]) -> None:
    for name, player in _measured(bodies):
        boost = player["stats"]["boost"]
        bands = ("boost_0_25", "boost_25_50", "boost_50_75", "boost_75_100")
        _shares_are_of_their_sum(boost, bands, name)
        assert boost["time_zero_boost"] <= boost["time_boost_0_25"] + _CENT, name


_PARTITIONS = (
    ("movement", ("ground", "low_air", "high_air")),
    ("movement", ("slow_speed", "boost_speed", "supersonic_speed")),
    ("positioning", ("defensive_third", "neutral_third", "offensive_third")),
    ("positioning", ("defensive_half", "offensive_half")),
    ("positioning", ("behind_ball", "infront_ball")),
)


@pytest.mark.parametrize(("group", "names"), _PARTITIONS)
def test_7_shares_are_of_their_group(
    bodies: dict[str, JsonObject], group: str, names: tuple[str, ...]
) -> None:
    for name, player in _measured(bodies):
        _shares_are_of_their_sum(player["stats"][group], names, name)


def test_7_five_partitions_are_of_one_time(bodies: dict[str, JsonObject]) -> None:
    """Exact halves (y = 0) belong to neither, and 2016 files stand on them for long."""
    for name, player in _measured(bodies):
        sums = {
            parts: sum(player["stats"][group][f"time_{part}"] for part in parts)
            for group, parts in _PARTITIONS
            if "ball" not in parts[0]
        }
        halves = sums.pop(("defensive_half", "offensive_half"))
        assert max(sums.values()) - min(sums.values()) <= 0.2, name
        assert halves <= max(sums.values()) + 0.2, name
        assert max(sums.values()) <= player["end_time"] - player["start_time"] + 0.2, name


def _shares_are_of_their_sum(group: JsonObject, names: tuple[str, ...], where: str) -> None:
    whole = sum(group[f"time_{name}"] for name in names)
    for name in names:
        share = 100 * group[f"time_{name}"] / whole if whole else 0
        assert abs(group[f"percent_{name}"] - share) <= max(0.01, 0.5 / (whole or 1)), (where, name)


def test_8_a_second_clock_divides_what_stands_still_in_countdowns(
    bodies: dict[str, JsonObject],
) -> None:
    for name, player in _measured(bodies):
        boost, positioning = player["stats"]["boost"], player["stats"]["positioning"]
        shares = [(boost, "zero_boost"), (boost, "full_boost")]
        shares += [(positioning, leaf) for leaf in _ROLES]
        clocks = [
            100 * group[f"time_{leaf}"] / group[f"percent_{leaf}"]
            for group, leaf in shares
            if group.get(f"time_{leaf}", 0) > 5
        ]
        if boost["bcpm"]:
            clocks.append(60 * boost["amount_collected"] / boost["bcpm"])
        assert all(_near(clock, clocks[0], 0.01) for clock in clocks), name
        present = player["end_time"] - player["start_time"]
        assert all(clock <= present + _CENT for clock in clocks), name


def test_8_a_lone_player_has_all_four_roles_all_the_time(bodies: dict[str, JsonObject]) -> None:
    """All the time but the countdowns; who is demolished or idle for long has less of it."""
    for name, team, _ in _teams(bodies):
        if len(team["players"]) != 1 or not team["players"][0]["stats"]["boost"]:
            continue
        player = team["players"][0]
        roles = {player["stats"]["positioning"].get(f"time_{role}") for role in _ROLES}
        assert len(roles) == 1, name
        assert "avg_distance_to_mates" not in player["stats"]["positioning"], name
        movement, present = player["stats"]["movement"], player["end_time"] - player["start_time"]
        moving = sum(movement[f"time_{part}"] for part in ("ground", "low_air", "high_air"))
        if present > 60 and moving > 0.9 * present:
            assert player["stats"]["positioning"]["percent_most_back"] > 80, name


def test_9_the_bands_of_boost_are_of_a_time_of_their_own(bodies: dict[str, JsonObject]) -> None:
    """They leave out what passes before a life's first sample and after its last."""
    for name, player in _measured(bodies):
        boost = player["stats"]["boost"]
        bands = sum(boost[f"time_boost_{band}"] for band in _BANDS)
        assert bands <= player["end_time"] - player["start_time"] + _CENT, name


def test_10_duration_is_the_end_of_the_last_player(bodies: dict[str, JsonObject]) -> None:
    for name, body in bodies.items():
        players = chain(body["blue"]["players"], body["orange"]["players"])
        ends = [player["end_time"] for player in players if player["stats"]["boost"]]
        if ends:
            assert body["duration"] == math.floor(max(ends)), name


def test_11_mvp_stands_only_where_true_and_at_most_once(bodies: dict[str, JsonObject]) -> None:
    for name, body in bodies.items():
        players = body["blue"]["players"] + body["orange"]["players"]
        best = [player for player in players if player["stats"]["core"]["mvp"]]
        assert [player for player in players if "mvp" in player] == best, name
        assert all(player["mvp"] is True for player in best), name
        assert len(best) <= 1, name


def test_12_powerslides_are_averaged(bodies: dict[str, JsonObject]) -> None:
    for name, player in _measured(bodies):
        movement = player["stats"]["movement"]
        count = movement["count_powerslide"]
        average = movement["time_powerslide"] / count if count else 0
        assert abs(movement["avg_powerslide_duration"] - average) <= _CENT, name


def test_13_numbers_are_32_bit_floats_in_their_shortest_form(
    bodies: dict[str, JsonObject],
) -> None:
    written = [*_measured(bodies), *((name, team) for name, team, _ in _teams(bodies))]
    for name, owner in written:
        for group in owner["stats"].values():
            for leaf, value in group.items():
                assert len(repr(value).replace(".", "").lstrip("0")) <= 9, (name, leaf, value)
                assert not (isinstance(value, float) and value.is_integer()), (name, leaf)
