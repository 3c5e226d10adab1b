"""What the body tells beside Ballchasing's: goals, mode, and an end out of the ordinary."""

from __future__ import annotations

from collections import Counter

import pytest

from parsekit import Parsed
from parsekit_local.body.goals import goal_entries
from parsekit_local.header.facts import HeaderGoal
from parsekit_local.stream.frames import MatchFacts
from parsekit_local.tables.modes import mode_of


def test_goals_are_the_header_s_in_files_of_every_year(good: dict[str, Parsed]) -> None:
    """Ten years, duels to gridiron; whose header has no goals has an empty list."""
    counts = {
        name: len(parsed.data["goals"]) for name, parsed in good.items() if "goals" in parsed.data
    }
    assert counts["160c"] == 7
    assert counts["3381"] == 1
    assert counts["gridiron"] == 9
    assert counts["recent-ranked-doubles-2026-03-10"] == 5
    assert counts["beach_ball"] == 0
    assert not {"6688", "no-frames", "b62e"} & counts.keys()


def test_each_goal_of_a_stream_has_its_time_and_clock(good: dict[str, Parsed]) -> None:
    for parsed in good.values():
        goals = parsed.data.get("goals", [])
        times = [goal["time"] for goal in goals]
        assert times == sorted(times)
        assert all(0 <= time <= parsed.data["duration"] + 1 for time in times)
        assert all(goal["team"] in ("blue", "orange") for goal in goals)


def test_a_goal_of_an_overtime_has_the_seconds_played(good: dict[str, Parsed]) -> None:
    (goal,) = good["3381"].data["goals"]
    assert (goal["player"], goal["overtime"], goal["clock"]) == ("Gravy", True, 150)


def test_every_assist_of_the_scoreboard_stands_at_a_goal(good: dict[str, Parsed]) -> None:
    """Each player's, in matches that were recorded from the first goal on."""
    for name in ("recent-ranked-doubles-2026-03-10", "soccar-lan", "gridiron", "3381", "rumble"):
        body = good[name].data
        found = Counter(goal["assist"] for goal in body["goals"] if "assist" in goal)
        players = [player for color in ("blue", "orange") for player in body[color]["players"]]
        told = {p["name"]: p["stats"]["core"]["assists"] for p in players}
        assert found == Counter({who: count for who, count in told.items() if count})
        assert not [goal for goal in body["goals"] if goal.get("assist") == goal["player"]]


def test_a_goal_without_a_stream_keeps_its_scorer() -> None:
    goals = [
        HeaderGoal(frame=3, player="Ada", team=1),
        HeaderGoal(frame=None, player="", team=None),
    ]
    assert goal_entries(goals, (), None) == [{"team": "orange", "player": "Ada"}, {"player": ""}]


def test_forfeits_and_unfinished_matches_are_said(good: dict[str, Parsed]) -> None:
    said = {
        word: {name for name, parsed in good.items() if parsed.data.get(word)}
        for word in ("forfeit", "unfinished")
    }
    assert "post-eac-ranked-duel-2026-04-28-a" in said["forfeit"]
    assert "heatseeker" in said["unfinished"]
    assert "160c" not in said["forfeit"] | said["unfinished"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("heatseeker", "Heatseeker"),
        ("beach_ball", "Beach Ball"),
        ("dropshot_rumble", "Dropshot Rumble"),
        ("gridiron", "Gridiron"),
        ("07e9", "Hoops"),
        ("160c", "Soccar"),
        ("b62e", "Training"),
        ("rumble", None),
        ("6688", None),
    ],
)
def test_private_matches_have_a_mode_too(
    good: dict[str, Parsed], name: str, mode: str | None
) -> None:
    assert good[name].data.get("mode") == mode


def test_a_class_that_nobody_has_seen_goes_by_its_own_name() -> None:
    facts = MatchFacts(game_info="GameInfo_LTM_MoonBall.GameInfo.GameInfo_LTM_MoonBall:Archetype")
    assert mode_of(facts) == "Moon Ball"
