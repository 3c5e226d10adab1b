"""Who took part: the header's scoreboard and the stream's players, joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from parsekit_local.body.identity import player_id
from parsekit_local.header.facts import HeaderPlayer
from parsekit_local.stream.frames import Frames, PlatformAccount, PlayerTrack, ScoreLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One player of the body. ``index`` is the place in `Frames.players`, None where unseen.

    ``account`` is None for bots. ``score_line`` is the header's where it has one (the final
    scoreboard), else what the stream reported last, which is what leavers are judged by.
    """

    name: str
    team: int
    is_bot: bool
    account: PlatformAccount | None
    score_line: ScoreLine
    index: int | None
    track: PlayerTrack | None


def participants(lines: Iterable[HeaderPlayer], frames: Frames | None) -> tuple[Participant, ...]:
    """Join both sources, best scores first, as Ballchasing lists them; names break ties.

    In: who is on the final scoreboard, and who ever had a car in a team (leavers). Out:
    spectators, referees and those who left before they had a car. No two have one account and
    number.
    """
    lines, tracks = tuple(lines), dict(enumerate(frames.players)) if frames else {}
    places = _places(lines, tracks)
    found = [_from_line(line, place, tracks) for line, place in zip(lines, places, strict=True)]
    found += [
        _from_track(i, t, t.team)
        for i, t in tracks.items()
        if i not in places and t.cars and t.team in (0, 1)
    ]
    known = [player for player in _numbered(found) if player.team in (0, 1)]
    return tuple(sorted(known, key=lambda p: (p.team, -p.score_line.score, p.name)))


def _from_line(
    line: HeaderPlayer, index: int | None, tracks: Mapping[int, PlayerTrack]
) -> Participant:
    track = None if index is None else tracks[index]
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


def _places(lines: Sequence[HeaderPlayer], tracks: Mapping[int, PlayerTrack]) -> list[int | None]:
    """Find each line's player of the stream: the surest matches of all lines come first."""
    places: list[int | None] = [None] * len(lines)
    for is_match in (_is_same_player, _is_same_account, _is_namesake):
        for number, line in enumerate(lines):
            if places[number] is None:
                free = (i for i, track in tracks.items() if i not in places)
                places[number] = next((i for i in free if is_match(line, tracks[i])), None)
    return places


def _is_same_player(line: HeaderPlayer, track: PlayerTrack) -> bool:
    """Tell by account and local number; by the name in files that are older than the number."""
    if not _shares_account(line, track) or line.account is None or track.account is None:
        return False
    if line.has_local_number:
        return line.account.player_number == track.account.player_number
    return line.name == track.name


def _is_same_account(line: HeaderPlayer, track: PlayerTrack) -> bool:
    return not line.has_local_number and _shares_account(line, track)


def _is_namesake(line: HeaderPlayer, track: PlayerTrack) -> bool:
    """Tell by the name alone: bots, and accounts that old files have no number of."""
    return track.name == line.name and track.is_bot == line.is_bot


def _shares_account(line: HeaderPlayer, track: PlayerTrack) -> bool:
    left, right = line.account, track.account
    if left is None or right is None or left.id in ("", "0"):
        return False
    return (left.platform, left.id) == (right.platform, right.id)


def _numbered(players: Sequence[Participant]) -> list[Participant]:
    """Give players of one account a number each, as the header of old files has none.

    The stream's numbers stay; of others the first name is first (the game calls a guest
    ``name(2)``).
    """
    taken: set[tuple[object, ...]] = set()
    found = list(players)
    for place in sorted(range(len(found)), key=lambda i: (found[i].track is None, found[i].name)):
        account = found[place].account
        while account and (written := tuple(player_id(account).values())) in taken:
            account = replace(account, player_number=account.player_number + 1)
        if account and written:
            taken.add(written)
        found[place] = replace(found[place], account=account)
    return found
