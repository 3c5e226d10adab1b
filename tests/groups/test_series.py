"""Series are found by who played whom, how soon after, and whether it was still open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parsekit.groups.game import Game, game_of
from parsekit.groups.series import Series, find_series
from parsekit.model import JsonObject
from tests.groups.bodies import body, player

START = datetime(2026, 3, 1, 20, tzinfo=UTC)


def evening(
    *games: tuple[str, str, tuple[int, int]], apart_min: float = 8, **members: Any
) -> list[Game]:
    """Games one after the other; a letter is a player."""
    moments = (START + timedelta(minutes=apart_min * place) for place in range(len(games)))
    return [
        game_of(body(blue, orange, score, at=moment.isoformat(), **members), replay=f"{moment}")
        for (blue, orange, score), moment in zip(games, moments, strict=True)
    ]


def club_game(score: tuple[int, int], place: int, *, swapped: bool = False) -> JsonObject:
    moment = (START + timedelta(minutes=8 * place)).isoformat()
    sides, goals = ("abc", "xyz"), score
    names = ("SAN", "DEN")
    if swapped:
        sides, goals, names = sides[::-1], score[::-1], names[::-1]
    game = body(*sides, goals, at=moment)
    game["blue"]["name"], game["orange"]["name"] = names
    return game


def names(series: tuple[Series, ...]) -> list[str]:
    return [each.name for each in series]


def test_three_wins_of_a_club_are_named_for_it_whatever_the_colours():
    games = [game_of(club_game((2, 1), place, swapped=place == 1)) for place in range(3)]
    (found,) = find_series(reversed(games))
    assert (found.name, found.best_of, len(found.games)) == ("SAN 3-0 DEN", 5, 3)


def test_the_winner_is_named_first():
    games = evening(("ab", "xy", (1, 0)), ("ab", "xy", (0, 1)), ("xy", "ab", (3, 0)))
    (found,) = find_series(games)
    assert (found.name, found.best_of) == ("x & y 2-1 a & b", 3)


def test_an_even_series_is_of_no_known_length():
    (found,) = find_series(evening(("a", "x", (1, 0)), ("a", "x", (0, 1))))
    assert (found.name, found.best_of) == ("a 1-1 x", None)


def test_a_substitute_stays_in_the_series():
    games = evening(("abc", "xyz", (1, 0)), ("abd", "xyz", (1, 0)), ("zyx", "dba", (0, 1)))
    assert names(find_series(games)) == ["a & b & c & d 3-0 x & y & z"]


@pytest.mark.parametrize(
    "second",
    [
        ("ax", "by", (1, 0)),  # partners changed
        ("ab", "uv", (1, 0)),  # another opponent
        ("cd", "xy", (1, 0)),  # two at once
    ],
)
def test_other_teams_are_no_series(second):
    assert find_series(evening(("ab", "xy", (1, 0)), second)) == ()


def test_the_next_evening_is_another_series():
    games = (
        evening(*[("a", "x", (1, 0))] * 2)
        + evening(*[("a", "x", (1, 0))] * 2, apart_min=60 * 24)[1:]
    )
    assert names(find_series(games)) == ["a 2-0 x"]


def test_four_wins_end_the_longest_series():
    assert names(find_series(evening(*[("a", "x", (1, 0))] * 6))) == ["a 4-0 x", "a 2-0 x"]


def test_two_series_at_once_are_told_apart():
    games = evening(*[("a", "x", (1, 0)), ("b", "y", (0, 1))] * 2)
    assert names(find_series(games)) == ["a 2-0 x", "y 2-0 b"]


def test_playlists_do_not_mix():
    ranked = evening(("a", "x", (1, 0)), playlist_id="ranked-duels")
    private = evening(("a", "x", (1, 0)), playlist_id="private")
    assert find_series([*ranked, *private]) == ()


def test_a_game_without_a_date_is_in_no_series():
    undated = game_of({**body(["a"], ["x"]), "date": "yesterday"})
    assert find_series([undated, undated]) == ()


def test_bots_alone_are_no_team():
    bots = [{**player("Bot"), "id": {}}]
    games = [game_of(body("a", bots, at=START.isoformat())) for _ in range(2)]
    assert find_series(games) == ()
