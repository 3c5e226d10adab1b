"""What holds in every body of Ballchasing holds in everything that we compute."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from parsekit_local.statistics import PlayerStatistics, compute, team_sums
from parsekit_local.stream.decoder import decode

SHARES = (
    ("movement", ("ground", "low_air", "high_air")),
    ("movement", ("slow_speed", "boost_speed", "supersonic_speed")),
    ("positioning", ("defensive_third", "neutral_third", "offensive_third")),
    ("positioning", ("defensive_half", "offensive_half")),
    ("positioning", ("behind_ball", "infront_ball")),
    ("boost", ("boost_0_25", "boost_25_50", "boost_50_75", "boost_75_100")),
)
ROLES = ("most_back", "most_forward", "closest_to_ball", "farthest_from_ball")


@pytest.fixture(scope="session")
def players(matches: dict[str, Any]) -> list[tuple[str, PlayerStatistics]]:
    found = [
        (f"{stem} {index}", player)
        for stem, (_, statistics) in matches.items()
        for index, player in statistics.players.items()
    ]
    assert len(found) > 60
    return found


def numbers(player: PlayerStatistics) -> Iterator[tuple[str, float]]:
    for fields in player.groups().values():
        yield from fields.items()


def test_every_number_is_finite_and_not_negative(players: list[Any]) -> None:
    for who, player in players:
        for field, value in numbers(player):
            assert math.isfinite(value), (who, field)
            assert value >= 0, (who, field, value)


def test_numbers_are_pythons_own(players: list[Any]) -> None:
    for who, player in players:
        for field, value in numbers(player):
            assert type(value) in (int, float), (who, field, type(value))


def test_counts_and_amounts_are_whole(players: list[Any]) -> None:
    for who, player in players:
        for field, value in numbers(player):
            if field.startswith(("count_", "amount_", "avg_distance", "total_distance", "bpm")):
                assert type(value) is int, (who, field, value)


@pytest.mark.parametrize(("group", "names"), SHARES)
def test_shares_are_of_their_own_sum(
    players: list[Any], group: str, names: tuple[str, ...]
) -> None:
    for who, player in players:
        fields = player.groups()[group]
        if f"time_{names[0]}" not in fields:
            continue
        whole = sum(fields[f"time_{name}"] for name in names)
        for name in names:
            want = 100 * fields[f"time_{name}"] / whole if whole else 0
            assert fields[f"percent_{name}"] == pytest.approx(want, rel=1e-4, abs=1e-4), who


def test_the_same_time_is_split_by_height_speed_and_third(players: list[Any]) -> None:
    for who, player in players:
        sums = [
            sum(player.groups()[group][f"time_{name}"] for name in names)
            for group, names in SHARES[:3]
        ]
        # five roundings to a hundredth of a second; the middle line belongs to no half
        assert max(sums) - min(sums) <= 0.05, (who, sums)
        assert max(sums) <= player.end_time - player.start_time + 0.2, who


def test_roles_are_shares_of_the_clock_that_divides_bcpm(players: list[Any]) -> None:
    for who, player in players:
        fields, boost = player.positioning, player.boost
        for name in ROLES:
            if not boost["bcpm"] or not fields.get(f"time_{name}"):
                continue
            clock = 60 * boost["amount_collected"] / boost["bcpm"]
            want = 100 * fields[f"time_{name}"] / clock
            assert fields[f"percent_{name}"] == pytest.approx(want, rel=1e-4), (who, name)


def test_roles_are_tenths_of_a_second(players: list[Any]) -> None:
    for who, player in players:
        for name in ROLES:
            tenths = 10 * player.positioning.get(f"time_{name}", 0)
            assert tenths == pytest.approx(round(tenths), abs=1e-9), (who, name)


def test_a_lone_player_has_all_roles_all_the_time(matches: dict[str, Any]) -> None:
    duels = 0
    for stem, (frames, statistics) in matches.items():
        for team in (0, 1):
            if len(frames.team(team)) != 1:
                continue
            (index,) = frames.team(team)
            fields = statistics.players[index].positioning
            assert "avg_distance_to_mates" not in fields, stem
            assert len({fields.get(f"time_{name}") for name in ROLES}) == 1, stem
            duels += 1
    assert duels > 10


def test_pad_amounts_and_counts_add_up(players: list[Any]) -> None:
    for who, player in players:
        boost = player.boost
        for verb in ("collected", "stolen"):
            parts = boost[f"amount_{verb}_big"] + boost[f"amount_{verb}_small"]
            assert boost[f"amount_{verb}"] == parts, who
        for field in ("amount_{}_big", "amount_{}_small", "count_{}_big", "count_{}_small"):
            assert boost[field.format("stolen")] <= boost[field.format("collected")], (who, field)
        assert boost["amount_overfill_stolen"] <= boost["amount_overfill"], who
        assert boost["avg_amount"] <= 100, who


def test_speed_and_slide_averages_follow_from_their_parts(players: list[Any]) -> None:
    for who, player in players:
        fields = player.movement
        assert fields["avg_speed_percentage"] == pytest.approx(fields["avg_speed"] / 23, rel=1e-4)
        slides = fields["count_powerslide"]
        mean = fields["time_powerslide"] / slides if slides else 0
        assert fields["avg_powerslide_duration"] == pytest.approx(mean, abs=0.0051), who


def test_goals_against_while_last_defender_is_there_only_when_counted(
    matches: dict[str, Any],
) -> None:
    name = "goals_against_while_last_defender"
    for stem, (frames, statistics) in matches.items():
        for team in (0, 1):
            blamed = [
                statistics.players[index].positioning[name]
                for index in frames.team(team)
                if name in statistics.players[index].positioning
            ]
            assert 0 not in blamed, stem
            assert sum(blamed) <= (frames.goals.conceding_team == team).sum(), stem


def test_demolitions_inflicted_are_demolitions_taken(matches: dict[str, Any]) -> None:
    for stem, (_, statistics) in matches.items():
        inflicted = sum(p.demo["inflicted"] for p in statistics.players.values())
        taken = sum(p.demo["taken"] for p in statistics.players.values())
        assert inflicted == taken, stem


def test_team_numbers_are_sums_over_players(matches: dict[str, Any]) -> None:
    for stem, (frames, statistics) in matches.items():
        for team in (0, 1):
            groups = [statistics.players[index].groups() for index in frames.team(team)]
            for group, fields in team_sums(groups).items():
                for field, value in fields.items():
                    want = sum(player[group].get(field, 0) for player in groups)
                    assert value == pytest.approx(want, rel=1e-4), (stem, group, field)


def test_possession_never_exceeds_the_match(matches: dict[str, Any]) -> None:
    for stem, (frames, statistics) in matches.items():
        whole = frames.time_s[-1] if frames.count else 0
        blue, orange = statistics.ball
        assert blue["possession_time"] + orange["possession_time"] <= whole + 0.02, stem


def test_the_same_bytes_give_the_same_numbers(shared: Any, matches: dict[str, Any]) -> None:
    path = shared / "replays" / "good" / "post-eac-ranked-duel-2026-04-28-a.replay"

    assert compute(decode(path.read_bytes()).frames) == matches[path.stem][1]
