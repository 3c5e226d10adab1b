"""Which players are a team."""

from __future__ import annotations

import pytest

from parsekit.groups.game import game_of
from parsekit.groups.rosters import TeamIdentification, rosters
from tests.groups.bodies import body

LEAGUE = (("ab", "xy"), ("ac", "yx"), ("xy", "bc"))
LADDER = (("ab", "xy"), ("ax", "by"))


def teams(games, how=None):
    return sorted(
        "".join(sorted(team.names)) for team in rosters([game_of(body(*g)) for g in games], how)
    )


@pytest.mark.parametrize(
    ("games", "how", "found"),
    [
        (LEAGUE, TeamIdentification.CLUSTERS, ["abc", "xy"]),
        (LEAGUE, TeamIdentification.DISTINCT, ["ab", "ac", "bc", "xy"]),
        (LADDER, TeamIdentification.CLUSTERS, ["abxy"]),
        (LADDER, TeamIdentification.DISTINCT, ["ab", "ax", "by", "xy"]),
    ],
)
def test_both_ways_of_ballchasing(games, how, found):
    assert teams(games, how) == found


def test_a_league_with_substitutes_has_clusters_and_a_ladder_exact_rosters():
    assert teams(LEAGUE) == ["abc", "xy"]
    assert teams(LADDER) == ["ab", "ax", "by", "xy"]


def test_a_club_is_the_label_and_the_players_are_the_name():
    game = body("ab", "xy")
    game["blue"]["name"] = "SAN"
    (sans, others) = rosters([game_of(game)])
    assert (sans.label, sans.name, others.label) == ("SAN", "a & b", "x & y")
