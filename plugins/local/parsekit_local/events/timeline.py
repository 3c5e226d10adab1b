"""The timeline of one replay: all its events, and the tracks of ball and cars."""

from __future__ import annotations

from collections.abc import Sequence

from parsekit import MatchEvent, Timeline, TimelinePlayer
from parsekit_local.body.identity import player_id
from parsekit_local.body.roster import Participant
from parsekit_local.events.goals import goals_of
from parsekit_local.events.moments import Moments
from parsekit_local.events.tracks import tracks_of
from parsekit_local.header.facts import HeaderFacts
from parsekit_local.stream.frames import Frames

#: Version of the rules in ``docs/events.md``: raise it with every change of one.
DEFINITIONS = "1"


def timeline_of(
    header: HeaderFacts, frames: Frames | None, players: Sequence[Participant]
) -> Timeline:
    """Make the timeline; without frames it has the goals of the header."""
    moments = Moments(frames, players) if frames else None
    events = goals_of(header.goals, players, moments)
    return Timeline(
        definitions=DEFINITIONS,
        duration_s=round(float(frames.time_s[-1]), 3) if frames else 0.0,
        players=tuple(map(_player, players)),
        events=tuple(sorted(events, key=_order)),
        tracks=tracks_of(frames, players) if frames else None,
    )


def _order(event: MatchEvent) -> float:
    return -1.0 if event.time_s is None else event.time_s


def _player(player: Participant) -> TimelinePlayer:
    identity = player_id(player.account)
    return TimelinePlayer(
        name=player.name,
        platform=identity.get("platform", ""),
        id=identity.get("id", ""),
        team=player.team,
    )
