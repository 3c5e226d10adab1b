"""What a header says about its match, typed; a value of the wrong type counts as not there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from parsekit_local.header.properties import Choice, Properties, Structure, Value
from parsekit_local.header.reader import Header
from parsekit_local.stream.frames import PlatformAccount, ScoreLine

_T = TypeVar("_T")

#: The game's words for platforms to those of `PlatformAccount`. Dingo is the Xbox One.
_PLATFORMS = {
    "Steam": "steam",
    "Epic": "epic",
    "PS4": "playstation",
    "PS3": "playstation",
    "Dingo": "xbox",
    "PsyNet": "psynet",
    "NNX": "switch",
    "Switch": "switch",
    "QQ": "qq",
}
_MINUTE_DATE = "%Y-%m-%d:%H-%M"
_SECOND_DATE = "%Y-%m-%d %H-%M-%S"
_GUID = re.compile(r"[0-9A-Fa-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderPlayer:
    """One line of the final scoreboard. ``account`` is None for bots.

    ``has_local_number`` tells whether the account's number, which tells the players of one machine
    apart, stands in the header. Old files have none: it is 0 for all of them.
    """

    name: str
    team: int
    is_bot: bool
    account: PlatformAccount | None
    has_local_number: bool
    score_line: ScoreLine


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderGoal:
    """One goal of the header's list: when, by whom, and for which team it counts.

    ``frame`` is an index into the frames of the stream; None: not said.
    """

    frame: int | None
    player: str
    team: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """The match as the header tells it; None where it does not.

    ``local_date`` is the recorder's clock, without an offset, at the time of saving.
    ``start_epoch_s`` is the Unix time of the match's start. ``seconds_played`` is game time,
    ``recorded_s`` what the number of frames and their rate come to.

    ``final_score`` are the points of blue and orange, ``goals`` the list of goals, in which own
    goals stand with the name of who is credited. A header that was written before anything was
    recorded has neither: its scoreboard has names and zeros that mean nothing.

    ``forfeit`` and ``unfinished`` are what the game says of the end, in files since 2025.
    """

    rocket_league_id: str | None
    match_guid: str | None
    title: str | None
    recorder: str | None
    map_code: str | None
    match_type: str | None
    team_size: int | None
    winning_team: int | None
    local_date: datetime | None
    start_epoch_s: int | None
    seconds_played: float | None
    recorded_s: float | None
    build_version: str | None
    final_score: tuple[int, int] | None
    goals: tuple[HeaderGoal, ...]
    forfeit: bool
    unfinished: bool
    players: tuple[HeaderPlayer, ...]

    @property
    def scorers(self) -> tuple[str, ...]:
        """The names of the list of goals, once for each goal."""
        return tuple(goal.player for goal in self.goals)

    @property
    def winner(self) -> int | None:
        """The team with more points; after a draw the one that the game names, as in a forfeit."""
        score = self.final_score
        return score.index(max(score)) if score and score[0] != score[1] else self.winning_team


def header_facts(header: Header) -> HeaderFacts:
    """Take the facts out of a header's values; never fails."""
    values = header.properties
    players = tuple(_player(line) for line in _groups(values, "PlayerStats"))
    return HeaderFacts(
        rocket_league_id=_guid(values, "Id"),
        match_guid=_guid(values, "MatchGUID") or _guid(values, "MatchGuid"),
        title=_value(values, "ReplayName", str),
        recorder=_value(values, "PlayerName", str),
        map_code=_value(values, "MapName", str),
        match_type=_value(values, "MatchType", str),
        team_size=_value(values, "TeamSize", int),
        winning_team=_value(values, "WinningTeam", int),
        local_date=_local_date(_value(values, "Date", str) or ""),
        start_epoch_s=_value(values, "MatchStartEpoch", int),
        seconds_played=_value(values, "TotalSecondsPlayed", float),
        recorded_s=_recorded_s(values),
        build_version=_value(values, "BuildVersion", str),
        final_score=_final_score(values, players),
        goals=tuple(map(_goal, _groups(values, "Goals"))),
        forfeit=values.get("bForfeit") is True,
        unfinished=values.get("bIsUnfinishedMatchReplay") is True,
        players=players,
    )


def _value(values: Properties, name: str, kind: type[_T]) -> _T | None:
    value = values.get(name)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, kind) and value != "" else None


def _guid(values: Properties, name: str) -> str | None:
    text = _value(values, name, str)
    return text if text and _GUID.fullmatch(text) else None


def _local_date(text: str) -> datetime | None:
    for form in (_SECOND_DATE, _MINUTE_DATE):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _recorded_s(values: Properties) -> float | None:
    frames, rate = _value(values, "NumFrames", int), _value(values, "RecordFPS", float)
    return frames / rate if frames and rate and rate > 0 else None


def _groups(values: Properties, name: str) -> Iterable[Properties]:
    groups = values.get(name)
    return groups if isinstance(groups, list) else ()


def _final_score(values: Properties, players: Iterable[HeaderPlayer]) -> tuple[int, int] | None:
    """Read the score. The game leaves zeros out, so that there it is 0 if anything was recorded."""
    names = ("Team0Score", "Team1Score")
    was_recorded = (
        any(_value(values, name, int) for name in (*names, "NumFrames"))
        or any(_groups(values, "Goals"))
        or any(player.score_line != ScoreLine() for player in players)
    )
    if not was_recorded:
        return None
    blue, orange = (_count(values, name) for name in names)
    return blue, orange


def _goal(line: Properties) -> HeaderGoal:
    frame, team = _value(line, "frame", int), _value(line, "PlayerTeam", int)
    return HeaderGoal(
        frame=frame if frame is not None and frame >= 0 else None,
        player=_value(line, "PlayerName", str) or "",
        team=team if team in (0, 1) else None,
    )


def _player(line: Properties) -> HeaderPlayer:
    is_bot = bool(line.get("bBot"))
    return HeaderPlayer(
        name=_value(line, "Name", str) or "",
        team=_value(line, "Team", int) or 0,
        is_bot=is_bot,
        account=None if is_bot else _account(line),
        has_local_number="SplitscreenID" in _identity(line),
        score_line=ScoreLine(
            score=_count(line, "Score"),
            goals=_count(line, "Goals"),
            assists=_count(line, "Assists"),
            saves=_count(line, "Saves"),
            shots=_count(line, "Shots"),
        ),
    )


def _count(line: Properties, name: str) -> int:
    return max(0, _value(line, name, int) or 0)


def _account(line: Properties) -> PlatformAccount | None:
    platform = _platform(line.get("Platform"))
    if platform is None:
        return None
    identity = _identity(line)
    epic = _value(identity, "EpicAccountId", str)
    number = _value(line, "OnlineID", int) or _value(identity, "Uid", int) or 0
    return PlatformAccount(
        platform=platform,
        id=epic or str(number),
        online_name=(_value(line, "Name", str) or "") if platform == "playstation" else "",
        player_number=_local_number(identity.get("SplitscreenID")),
    )


def _identity(line: Properties) -> Properties:
    """Take the long form of a line's account, which files have since 2018."""
    long_form = line.get("PlayerID")
    return long_form.fields if isinstance(long_form, Structure) else {}


def _platform(value: Value | None) -> str | None:
    if not isinstance(value, Choice):
        return None
    word = value.kind if value.value is None else str(value.value)
    return _PLATFORMS.get(word.removeprefix("OnlinePlatform_"))


def _local_number(value: Value | None) -> int:
    return value.value if isinstance(value, Choice) and isinstance(value.value, int) else 0
