"""Who took part: the header's scoreboard and the stream's players, joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parsekit_local.frames import Account, Frames, PlayerTrack, ScoreLine
from parsekit_local.header_facts import HeaderPlayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One player of the body. ``index`` is the place in `Frames.players`, None where unseen.

    ``account`` is None for bots. ``score_line`` is the header's where it has one (the final
    scoreboard), else what the stream reported last, which is what leavers are judged by.
    """

    name: str
    team: int
    is_bot: bool
    account: Account | None
    score_line: ScoreLine
    index: int | None
    track: PlayerTrack | None


def participants(lines: Iterable[HeaderPlayer], frames: Frames | None) -> tuple[Participant, ...]:
    """Join both sources, best scores first, as Ballchasing lists them; names break ties.

    In: who is on the final scoreboard, and who ever had a car in a team (leavers). Out:
    spectators, referees and those who left before they had a car.
    """
    unmatched = dict(enumerate(frames.players)) if frames else {}
    found = [_from_line(line, unmatched) for line in lines]
    found += [
        _from_track(i, t, t.team) for i, t in unmatched.items() if t.cars and t.team in (0, 1)
    ]
    known = [player for player in found if player.team in (0, 1)]
    return tuple(sorted(known, key=lambda p: (p.team, -p.score_line.score, p.name)))


def _from_line(line: HeaderPlayer, unmatched: dict[int, PlayerTrack]) -> Participant:
    index = _find(line, unmatched)
    track = unmatched.pop(index) if index is not None else None
    return Participant(
        name=track.name if track and track.name else line.name,
        team=line.team,
        is_bot=line.is_bot,
        account=(track.account if track else None) or line.account,
        score_line=line.score_line,
        index=index,
        track=track,
    )


def _from_track(index: int, track: PlayerTrack, team: int) -> Participant:
    return Participant(
        name=track.name,
        team=team,
        is_bot=track.is_bot,
        account=track.account,
        score_line=track.score_line,
        index=index,
        track=track,
    )


def _find(line: HeaderPlayer, tracks: dict[int, PlayerTrack]) -> int | None:
    """Accounts tell players apart; the name decides for bots and for old files without numbers."""
    by_account = [i for i, track in tracks.items() if _same_account(line.account, track.account)]
    by_name = [
        i for i, track in tracks.items() if track.name == line.name and track.is_bot == line.is_bot
    ]
    return next(iter(by_account + by_name), None)


def _same_account(left: Account | None, right: Account | None) -> bool:
    if left is None or right is None or left.id in ("", "0"):
        return False
    return (left.platform, left.id, left.player_number) == (
        right.platform,
        right.id,
        right.player_number,
    )
