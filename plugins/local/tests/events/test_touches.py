"""Touches, and what is made of them, beside what the game itself says of the same replays."""

from __future__ import annotations

from collections import Counter

import pytest

from parsekit import MatchEvent, Parsed, Timeline

#: Replays of plain soccar with two teams who play.
SOCCAR = (
    "recent-ranked-doubles-2026-03-10",
    "recent-ranked-standard-2026-03-10-a",
    "post-eac-ranked-duel-2026-04-28-a",
    "soccar-lan",
    "160c",
    "3381",
)


def events(parsed: Parsed, kind: str) -> list[MatchEvent]:
    timeline = parsed.timeline
    assert timeline is not None
    return [event for event in timeline.events if event.kind == kind]


def timeline_of(parsed: Parsed) -> Timeline:
    assert parsed.timeline is not None
    return parsed.timeline


def players_of(parsed: Parsed) -> list[dict]:
    return [player for color in ("blue", "orange") for player in parsed.data[color]["players"]]


@pytest.mark.parametrize("stem", SOCCAR)
def test_every_reported_touch_has_a_player_of_its_team(good: dict[str, Parsed], stem: str):
    reported = [event for event in events(good[stem], "touch") if event.values["reported"]]
    players = timeline_of(good[stem]).players
    assert len(reported) > 15
    assert all(
        event.player is not None and players[event.player].team == event.team for event in reported
    )


@pytest.mark.parametrize("stem", SOCCAR)
def test_players_touch_the_ball_some_fifteen_to_thirty_five_times_a_minute(
    good: dict[str, Parsed], stem: str
):
    timeline = timeline_of(good[stem])
    rate = len(events(good[stem], "touch")) / timeline.duration_s * 60
    assert 15 < rate < 35


def test_possession_is_what_ballchasing_counts(good: dict[str, Parsed]):
    for stem, parsed in good.items():
        if not players_of(parsed):
            continue  # a training session has no players, so no events
        for team, color in enumerate(("blue", "orange")):
            known = parsed.data[color]["stats"]["ball"].get("possession_time")
            spells = [one for one in events(parsed, "possession") if one.team == team]
            counted = sum(float(spell.values["ballchasing_s"]) for spell in spells)
            assert counted == pytest.approx(known or 0, abs=0.02), stem


def test_spells_of_possession_do_not_overlap(good: dict[str, Parsed]):
    for parsed in good.values():
        ends = 0.0
        for spell in events(parsed, "possession"):
            assert spell.time_s is not None
            assert spell.end_s is not None
            assert ends <= spell.time_s <= spell.end_s
            ends = spell.end_s


def test_demolitions_are_those_of_the_statistics(good: dict[str, Parsed]):
    for stem, parsed in good.items():
        done = Counter(event.player for event in events(parsed, "demolition"))
        for place, player in enumerate(players_of(parsed)):
            assert done[place] == player["stats"]["demo"].get("inflicted", 0), stem


@pytest.mark.parametrize("stem", [*SOCCAR[:5], "old-ballchasing-midfield-car", "rumble"])
def test_boost_pickups_are_those_of_the_statistics(good: dict[str, Parsed], stem: str):
    taken = Counter((e.player, e.values["pad"]) for e in events(good[stem], "boost_pickup"))
    stolen = Counter(e.player for e in events(good[stem], "boost_pickup") if e.values["stolen"])
    for place, player in enumerate(players_of(good[stem])):
        boost = player["stats"]["boost"]
        assert taken[place, "big"] == boost["count_collected_big"]
        assert taken[place, "small"] == boost["count_collected_small"]
        assert stolen[place] == boost["count_stolen_big"] + boost["count_stolen_small"]


def test_a_tank_that_fills_up_by_itself_takes_no_pads(good: dict[str, Parsed]):
    assert len(events(good["gridiron"], "boost_pickup")) < 500


@pytest.mark.parametrize("stem", SOCCAR)
def test_every_kickoff_has_a_taker_a_team_who_is_there_in_time(good: dict[str, Parsed], stem: str):
    kickoffs = events(good[stem], "kickoff")
    timeline = timeline_of(good[stem])
    numbers = Counter(event.values["number"] for event in kickoffs)
    goals = events(good[stem], "goal")
    assert len(numbers) >= max(1, len(goals))
    for number in numbers:
        mine = [event for event in kickoffs if event.values["number"] == number]
        takers = [event for event in mine if event.values["role"] == "taker"]
        assert sorted(event.team for event in takers if event.team is not None) == [0, 1]
        assert sum(bool(event.values["first_touch"]) for event in mine) == 1
        first = next(event for event in mine if event.values["first_touch"])
        assert 1.5 < float(first.values["time_to_ball_s"]) < 4
        outcomes = {(event.team, event.values["outcome"]) for event in mine}
        assert outcomes in (
            {(0, "won"), (1, "lost")},
            {(0, "lost"), (1, "won")},
            {(0, "neutral"), (1, "neutral")},
        )
        spawns = Counter((event.team, event.values["spawn"]) for event in mine)
        assert max(spawns.values()) == 1, "no two of a team begin in one place"
        blue, orange = ({s for t, s in spawns if t == team} for team in (0, 1))
        if len(mine) == len(timeline.players):
            assert blue == orange, "both teams begin in mirrored places"


def test_contests_are_between_opponents(good: dict[str, Parsed]):
    for stem in SOCCAR:
        players = timeline_of(good[stem]).players
        for duel in events(good[stem], "fifty_fifty"):
            assert duel.player is not None
            assert duel.other is not None
            assert players[duel.player].team != players[duel.other].team


def test_aerials_are_touches_high_above_the_ground(good: dict[str, Parsed]):
    for stem in SOCCAR:
        touches = {(one.time_s, one.player) for one in events(good[stem], "touch")}
        for aerial in events(good[stem], "aerial"):
            assert float(aerial.values["height"]) >= 300
            assert (aerial.time_s, aerial.player) in touches
