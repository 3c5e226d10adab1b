"""Outcomes of invented matches, as a parser that knows everything would answer them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from parsekit import MatchEvent, Outcome, Timeline, TimelinePlayer, Track, Tracks
from parsekit_report.sheet import COUNTERS
from parsekit_report.tables import TABLES

RATE_HZ, SECONDS = 10, 60
NAMES = (("Ann", "Ben", "Cy"), ("Dee", "Eli", "Fay"))
NOWHERE = -(2**15)


def outcome(
    names: tuple[Sequence[str], Sequence[str]] = NAMES,
    *,
    goals: Sequence[tuple[float, int, int]] = ((12.0, 0, 0), (31.5, 1, 3), (50.0, 0, 1)),
    day: int = 1,
    salt: int = 0,
    seconds: int = SECONDS,
    **facts: Any,
) -> Outcome:
    """A match of these names; ``goals`` are time, team and place of the scorer among all names."""
    score = [sum(team == side for _, team, _ in goals) for side in (0, 1)]
    body = {
        "title": "An invented match",
        "playlist_name": "Ranked Standard",
        "playlist_id": "ranked-standard",
        "map_name": "Stadium",
        "map_code": "stadium_p",
        "team_size": max(map(len, names)),
        "duration": seconds,
        "overtime": False,
        "date": f"2026-01-{day:02}T18:00:00Z",
        "date_has_timezone": True,
        "match_guid": f"{salt:032X}",
        "final_score": {"blue": score[0], "orange": score[1]},
        **{
            color: {
                "color": color,
                "players": [
                    _player(name, side, n, salt, seconds) for n, name in enumerate(names[side])
                ],
                "stats": {"core": {"goals": score[side]}},
            }
            for side, color in enumerate(("blue", "orange"))
        },
        "fidelity": {
            "stream": "whole",
            "unmeasured": "approximate",
            "card": "a card",
            "grades": {"players.stats.core": "exact", "players.stats.boost": "close"},
        },
        **facts,
    }
    everybody = [name for side in names for name in side]
    return Outcome(
        replay=f"folder/of/mine/match-{salt}.replay",
        task_id="t",
        hash="ab" * 32,
        data=body,
        parser="made",
        parser_version="1",
        timeline=timeline(names, goals, seconds) if everybody else None,
    )


def _player(name: str, side: int, number: int, salt: int, seconds: int) -> Mapping[str, Any]:
    stats = {
        group: {
            each.name: round(10 + 7 * math.sin(1 + number + 3 * side + salt + len(each.name)), 2)
            for each in statistics
        }
        for group, _, statistics in TABLES
        if group != COUNTERS
    }
    stats["core"]["mvp"] = number == side == 0
    return {
        "name": name,
        "id": {"platform": "steam", "id": f"7{side}{number}{name[:9]}"},
        "start_time": 0,
        "end_time": seconds,
        "mvp": number == side == 0,
        "rank": {"name": "Diamond I"},
        "stats": stats,
    }


def timeline(
    names: tuple[Sequence[str], Sequence[str]],
    goals: Sequence[tuple[float, int, int]],
    seconds: int = SECONDS,
) -> Timeline:
    """Cars that drive in circles about a ball that does as well."""
    players = tuple(
        TimelinePlayer(name=name, platform="steam", id=f"7{side}{n}{name[:9]}", team=side)
        for side, team in enumerate(names)
        for n, name in enumerate(team)
    )
    ticks = seconds * RATE_HZ
    events = [
        MatchEvent(
            kind="goal",
            time_s=at,
            clock_s=int(seconds - at),
            team=team,
            player=who,
            values={"ball_speed": 2500},
        )
        for at, team, who in goals
    ]
    if players and seconds >= SECONDS:
        events += _moments(players)
    return Timeline(
        definitions="1",
        duration_s=float(seconds),
        players=players,
        events=tuple(sorted(events, key=lambda event: event.time_s or 0)),
        tracks=Tracks(
            rate_hz=RATE_HZ,
            ticks=ticks,
            clock=array("h", [int(seconds - tick / RATE_HZ) for tick in range(ticks)]).tobytes(),
            ball=Track(position=_circle(ticks, 0)),
            cars=tuple(
                Track(
                    position=_circle(ticks, n + 1),
                    boost=bytes((tick + 9 * n) % 101 for tick in range(ticks)),
                )
                for n in range(len(players))
            ),
        ),
    )


def _moments(players: Sequence[TimelinePlayer]) -> list[MatchEvent]:
    """One kick-off, some touches, a pad, a demolition and two spells."""
    last = len(players) - 1
    kickoff = [
        MatchEvent(
            kind="kickoff",
            time_s=1.0,
            end_s=3.1,
            clock_s=SECONDS,
            team=player.team,
            player=index,
            values={
                "number": 1,
                "spawn": "diagonal_left",
                "role": "taker" if index in (0, last) else "support",
                "outcome": "won" if player.team == 0 else "lost",
                "first_touch": index == 0,
                "time_to_ball_s": 2.1 + index / 100,
            },
        )
        for index, player in enumerate(players)
    ]
    return [
        *kickoff,
        MatchEvent(kind="touch", time_s=3.1, team=0, player=0, position=(0, 90, 93)),
        MatchEvent(
            kind="touch",
            time_s=11.0,
            team=0,
            player=0,
            position=(300, 4000, 93),
            confidence="guess",
        ),
        MatchEvent(
            kind="fifty_fifty",
            time_s=3.1,
            team=0,
            player=0,
            other=last,
            confidence="guess",
            values={"outcome": "won"},
        ),
        MatchEvent(
            kind="aerial",
            time_s=22.0,
            clock_s=38,
            team=1,
            player=last,
            position=(0, 0, 700),
            confidence="guess",
            values={"height": 640},
        ),
        MatchEvent(
            kind="shot",
            time_s=11.0,
            clock_s=49,
            team=0,
            player=0,
            position=(0, 3000, 93),
            values={"scored": True, "ball_speed": 2000},
        ),
        MatchEvent(kind="shot", time_s=40.0, clock_s=20, team=1, player=last, position=(0, 0, 93)),
        MatchEvent(kind="save", time_s=41.0, clock_s=19, team=0, player=0),
        MatchEvent(kind="demolition", time_s=10.0, team=1, player=last, other=0),
        MatchEvent(kind="demolition", time_s=14.0, player=None, other=last),
        MatchEvent(
            kind="boost_pickup",
            time_s=20.0,
            team=0,
            player=0,
            position=(3600, 40, 17),
            values={"pad": "big", "boost": 60.0, "stolen": False},
        ),
        MatchEvent(kind="possession", time_s=3.1, end_s=9.0, team=0, player=0),
        MatchEvent(kind="possession", time_s=9.0, end_s=30.0, team=1, player=last),
    ]


def _circle(ticks: int, number: int) -> bytes:
    column = array("h")
    for tick in range(ticks):
        turn = tick / 17 + number
        away = number == 2 and 100 <= tick < 130  # the third car is demolished once
        place = (3000 * math.sin(turn), 4000 * math.cos(turn * 0.7), 17 + 300 * (number == 0))
        column.extend([NOWHERE] * 3 if away else map(int, place))
    return column.tobytes()


def header_only(whole: Outcome) -> Outcome:
    """The same where the header alone could be read, as the local parser grades it."""
    data = dict(whole.data or {})
    for color in ("blue", "orange"):
        players = [
            {**each, "stats": {g: {} for g in each["stats"]}} for each in data[color]["players"]
        ]
        data[color] = {"color": color, "players": players, "stats": {}}
    absent = (
        "duration",
        "overtime",
        "map_name",
        "final_score",
        "players.stats",
        "players.mvp",
        "players.rank",
    )
    data["duration"] = 0
    data["fidelity"] = {
        "stream": "header only",
        "unmeasured": "absent",
        "grades": {
            **dict.fromkeys(
                ("players.name", "players.id", "date", "date_has_timezone", "team_size"), "exact"
            ),
            **dict.fromkeys(absent, "absent"),
        },
    }
    events = tuple(
        replace(event, time_s=None, clock_s=None, values={})
        for event in (whole.timeline.events if whole.timeline else ())
        if event.kind == "goal"
    )
    timeline = whole.timeline and replace(
        whole.timeline, tracks=None, events=events, duration_s=0.0
    )
    return replace(whole, data=data, timeline=timeline, warnings=("only the header is read",))
