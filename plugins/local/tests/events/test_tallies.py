"""What the game counted, and when, beside its final scoreboard."""

from __future__ import annotations

from collections import Counter

import pytest

from parsekit import MatchEvent, Parsed
from parsekit_local.body.counters import counter_name, counters_of
from parsekit_local.body.roster import Participant
from parsekit_local.events.timeline import fitting_events
from parsekit_local.stream.frames import PlayerTrack, ScoreLine
from parsekit_local.stream.log import TALLIES

#: Replays that begin before the first shot; the others' scoreboards have some of before.
_LATE = {"splitscreen-2016", "old-ballchasing-midfield-car"}


def events(parsed: Parsed, kind: str) -> list[MatchEvent]:
    assert parsed.timeline is not None
    return [event for event in parsed.timeline.events if event.kind == kind]


def players_of(parsed: Parsed) -> list[dict]:
    return [player for color in ("blue", "orange") for player in parsed.data[color]["players"]]


@pytest.mark.parametrize(("kind", "name"), [("shot", "shots"), ("save", "saves")])
def test_shots_and_saves_are_those_of_the_scoreboard(good: dict[str, Parsed], kind: str, name: str):
    for stem, parsed in good.items():
        done = Counter(event.player for event in events(parsed, kind))
        for place, player in enumerate(players_of(parsed)):
            known = player["stats"]["core"].get(name, 0)
            if parsed.timeline is not None and parsed.timeline.tracks is not None:
                assert done[place] == known or stem in _LATE, (stem, player["name"])


def test_assists_are_those_of_the_scoreboard(good: dict[str, Parsed]):
    for stem, parsed in good.items():
        given = Counter(goal.other for goal in events(parsed, "goal") if goal.other is not None)
        for place, player in enumerate(players_of(parsed)):
            if parsed.timeline is not None and parsed.timeline.tracks is not None:
                assert given[place] == player["stats"]["core"].get("assists", 0), stem


def test_an_assist_is_of_a_team_mate(good: dict[str, Parsed]):
    for parsed in good.values():
        for goal in events(parsed, "goal"):
            if goal.other is not None:
                assert parsed.timeline is not None
                assert parsed.timeline.players[goal.other].team == goal.team
                assert goal.other != goal.player


def test_most_goals_follow_a_shot_of_their_scorer(good: dict[str, Parsed]):
    for stem in ("recent-ranked-doubles-2026-03-10", "160c", "soccar-lan"):
        scored = [shot for shot in events(good[stem], "shot") if shot.values["scored"]]
        goals = events(good[stem], "goal")
        assert 0.5 * len(goals) < len(scored) <= len(goals)


def test_names_of_counts_are_words():
    names = [counter_name(tally) for tally in TALLIES]
    assert {"epic_saves", "flip_resets", "times_demolished", "ball_touches"} <= set(names)
    assert len(set(names)) == len(names)


def participant(index: int, counters: dict[str, int], make_track) -> Participant:
    track: PlayerTrack = make_track(f"p{index}")
    object.__setattr__(track, "counters", counters)
    return Participant(
        name=track.name,
        team=0,
        is_bot=False,
        account=None,
        score_line=ScoreLine(),
        index=index,
        track=track,
    )


def test_a_count_that_nobody_has_is_unknown_and_one_that_somebody_has_is_0(make_track):
    everybody = [
        participant(0, {"MatchEpicSaves": 2, "MatchGoals": 1}, make_track),
        participant(1, {"MatchClears": 3}, make_track),
        participant(2, {}, make_track),
    ]
    assert [counters_of(player, everybody) for player in everybody] == [
        {"epic_saves": 2, "clears": 0},
        {"epic_saves": 0, "clears": 3},
        {"epic_saves": 0, "clears": 0},
    ]
    alone = participant(0, {"MatchGoals": 1}, make_track)
    assert counters_of(alone, [alone]) == {}


def test_of_too_many_events_the_most_frequent_kind_is_left_out():
    pickup, goal = (MatchEvent(kind=kind, time_s=1) for kind in ("boost_pickup", "goal"))
    assert fitting_events([pickup] * 6000 + [goal] * 20) == [goal] * 20
    assert len(fitting_events([pickup] * 100)) == 100
