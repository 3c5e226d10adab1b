"""The timeline of one replay: all its events, and the tracks of ball and cars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from parsekit import MatchEvent, Timeline, TimelinePlayer
from parsekit_local.body.identity import player_id
from parsekit_local.body.roster import Participant
from parsekit_local.events.contests import aerials_of, fifty_fifties_of
from parsekit_local.events.goals import goals_of
from parsekit_local.events.kickoffs import kickoffs_of
from parsekit_local.events.moments import Moments
from parsekit_local.events.possession import possessions_of
from parsekit_local.events.single import demolitions_of, pickups_of, touch_events
from parsekit_local.events.tallies import tallied_events
from parsekit_local.events.touches import touches_of
from parsekit_local.events.tracks import tracks_of
from parsekit_local.header.facts import HeaderFacts
from parsekit_local.stream.frames import Frames

#: Version of the rules in ``docs/events.md``: raise it with every change of one.
DEFINITIONS = "1"
#: Eight times what five minutes of six players have; some 0.8 MB, which fits beside the tracks.
_MAX_EVENTS = 6000


def timeline_of(
    header: HeaderFacts, frames: Frames | None, players: Sequence[Participant]
) -> Timeline:
    """Make the timeline; without frames it has the goals of the header."""
    moments = Moments(frames, players) if frames else None
    events = [
        *goals_of(header.goals, players, moments),
        *(_all(moments) if moments and players else ()),
    ]
    return Timeline(
        definitions=DEFINITIONS,
        duration_s=round(float(frames.time_s[-1]), 3) if frames else 0.0,
        players=tuple(map(_player, players)),
        events=tuple(sorted(fitting_events(events), key=_order)),
        tracks=tracks_of(frames, players) if frames else None,
    )


def _all(moments: Moments) -> Iterator[MatchEvent]:
    """All events but goals, which a replay without frames has as well."""
    touches = touches_of(moments)
    yield from kickoffs_of(moments, touches)
    yield from touch_events(moments, touches)
    yield from possessions_of(moments, touches)
    yield from fifty_fifties_of(moments, touches)
    yield from aerials_of(moments, touches)
    yield from tallied_events(moments)
    yield from demolitions_of(moments)
    yield from pickups_of(moments)


def fitting_events(events: list[MatchEvent]) -> list[MatchEvent]:
    """Leave out the most frequent kinds where there are more events than one answer may have."""
    while len(events) > _MAX_EVENTS:
        [(kind, _)] = Counter(event.kind for event in events).most_common(1)
        events = [event for event in events if event.kind != kind]
    return events


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
