"""The body of ``GET /replays/{id}``, made from one replay.

What a replay can't give is left out; where the callers' contract wants it all the same, it is
derived from the content as ``docs/body.md`` tells, in a form that nobody takes for the site's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from parsekit import JsonObject
from parsekit_local.body.consistency import Contradiction, contradictions
from parsekit_local.body.goals import goal_entries
from parsekit_local.body.match import UNKNOWN, UNKNOWN_NAME, MatchContext, match_of
from parsekit_local.body.players import PlayerSources, player_entries, statistics_of
from parsekit_local.body.ranks import extremes, ranks_of
from parsekit_local.body.roster import Participant, participants
from parsekit_local.body.teams import COLORS, team
from parsekit_local.fidelity.grades import Reading, fidelity_of
from parsekit_local.header.dates import UNKNOWN as UNKNOWN_DATE
from parsekit_local.header.facts import HeaderFacts
from parsekit_local.statistics import MatchStatistics
from parsekit_local.stream.frames import Frames, MatchFacts

#: Makes our UUIDs different from everybody else's of the same content.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "parsekit-local")
#: What stands where the replay has nothing and the contract wants something.
_PLACEHOLDERS = ("", UNKNOWN, UNKNOWN_NAME)
#: Ballchasing gives the players of no training session (seen in a public body).
_TRAINING = "Training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that was read of one replay; ``frames`` and ``statistics`` are None without a stream."""

    sha256: str
    header: HeaderFacts
    frames: Frames | None
    statistics: MatchStatistics | None
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body as JSON, its players, and where it and the header of its replay disagree."""

    data: JsonObject
    players: tuple[Participant, ...]
    contradictions: tuple[Contradiction, ...]


def body_of(findings: Findings) -> Body:
    """Write the body."""
    is_training = findings.header.match_type == _TRAINING
    if is_training:
        findings = replace(findings, header=_without_match(findings.header))
    header, frames = findings.header, findings.frames
    players = () if is_training else participants(header.players, frames)
    facts = frames.match if frames else MatchFacts()
    ranks = ranks_of(facts.debug_rows)
    match = match_of(header, frames, players, _end_s(findings, players))
    sources = PlayerSources(
        everybody=players,
        statistics=findings.statistics,
        has_score=frames is not None or header.final_score is not None,
        ranks=ranks,
        winner=header.winner,
    )
    body = {
        **_identity(findings, match),
        **_match(match),
        **extremes(ranks.values()),
        **_score(header),
        **_story(header, players, frames, match),
        **_teams(sources, match),
        "playlist_name": match.playlist.name,
        "map_name": match.map_name,
        **({"server": match.server} if match.server else {}),
    }
    found = tuple(
        contradictions(header, players, stream_is_whole=findings.reading is Reading.WHOLE)
    )
    fidelity = fidelity_of(
        findings.reading,
        absent=_absent(body, match, sources, is_training=is_training),
        doubtful=[field for each in found for field in each.fields],
        as_measured=match.is_plain_soccar,
    )
    return Body(data={**body, "fidelity": fidelity}, players=players, contradictions=found)


def _without_match(header: HeaderFacts) -> HeaderFacts:
    """Leave out what a training session has none of."""
    return replace(header, players=(), goals=(), final_score=None)


def _score(header: HeaderFacts) -> JsonObject:
    """Write the final score, which need not be the sum of the players' goals."""
    if header.final_score is None:
        return {}
    return {"final_score": dict(zip(COLORS, header.final_score, strict=True))}


def _story(
    header: HeaderFacts,
    players: tuple[Participant, ...],
    frames: Frames | None,
    match: MatchContext,
) -> JsonObject:
    """Write what Ballchasing has not: the mode, the goals, and an end out of the ordinary."""
    is_known = header.final_score is not None
    return {
        **({"mode": match.mode} if match.mode else {}),
        **({"goals": goal_entries(header.goals, players, frames)} if is_known else {}),
        **({"forfeit": True} if header.forfeit else {}),
        **({"unfinished": True} if header.unfinished else {}),
    }


def _absent(
    body: JsonObject, match: MatchContext, sources: PlayerSources, *, is_training: bool
) -> set[str]:
    """Name what stands in the body and is not in the replay."""
    absent = {name for name, value in body.items() if value in _PLACEHOLDERS}
    if match.match_guid is None:
        absent.add("match_guid")
    if match.saved.moment == UNKNOWN_DATE:
        absent |= {"date", "date_has_timezone", "season", "season_type"}
    absent |= {name for name in ("duration", "team_size") if not body[name]}
    if not sources.has_score:
        absent |= {"players.mvp", "players.stats.core"}
    if is_training or not sources.has_score:
        absent |= {"final_score", "teams.stats.core"}
    return absent


def _identity(findings: Findings, match: MatchContext) -> JsonObject:
    """Write what the site would add, and the ids of game and match.

    The contract wants each of these. The UUIDs are of version 5 and of the content, so that the
    same replay has the same ids everywhere, and no two matches share one.
    """
    header, sha256 = findings.header, findings.sha256
    match_guid = match.match_guid or uuid.uuid5(_NAMESPACE, f"match:{sha256}").hex.upper()
    return {
        "id": str(uuid.uuid5(_NAMESPACE, sha256)),
        "link": f"urn:parsekit:sha256:{sha256}",
        "created": match.saved.text,
        "uploader": {
            "steam_id": "",
            "name": "",
            "profile_url": "urn:parsekit:nobody",
            "avatar": "urn:parsekit:nobody",
        },
        "status": "ok",
        "rocket_league_id": header.rocket_league_id or "",
        "match_guid": match_guid,
        "title": header.title or header.rocket_league_id or "",
        **({"recorder": header.recorder} if header.recorder else {}),
    }


def _match(match: MatchContext) -> JsonObject:
    return {
        "map_code": match.map_code,
        "match_type": match.match_type,
        "team_size": match.team_size,
        "playlist_id": match.playlist.id,
        "duration": match.duration_s,
        "overtime": match.overtime,
        **({"overtime_seconds": match.overtime_s} if match.overtime_s else {}),
        "season": match.season.number,
        **({"season_type": "free2play"} if match.season.free_to_play else {}),
        "date": match.saved.text,
        "date_has_timezone": match.saved.has_timezone,
        "visibility": "private",
    }


def _teams(sources: PlayerSources, match: MatchContext) -> JsonObject:
    return {
        color: team(
            number,
            name=match.team_names[number],
            sources=sources,
            entries=player_entries(sources, number),
        )
        for number, color in enumerate(COLORS)
    }


def _end_s(findings: Findings, players: tuple[Participant, ...]) -> float:
    """The end of the last player (relation 10 of the field notes), else what the file tells."""
    found = [statistics_of(player, findings.statistics) for player in players]
    ends = [each.end_time for each in found if each]
    if ends:
        return max(ends)
    if findings.frames:
        return float(findings.frames.time_s[-1])
    return findings.header.recorded_s or findings.header.seconds_played or 0.0
