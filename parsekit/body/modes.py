"""The mode of a game, such as ``2v2`` or ``3v3 Rumble``."""

from __future__ import annotations

from itertools import chain

from parsekit.body.reading import TEAMS, branch, number, players_of, text
from parsekit.model import JsonObject

#: Playlists of the plain game, by the end of Ballchasing's id.
_PLAIN_WORDS = frozenset(
    ("duels", "doubles", "standard", "chaos", "private", "season", "offline", "tournament", "lobby")
)
_PLAIN_MODE = "Soccar"
_RANKED = "Ranked "


def mode_of(body: JsonObject) -> str:
    """Name it by the players of a side on the field at once, and the game if it is not Soccar.

    A private match of three against three is ``3v3`` like a ranked one; Rumble is not.
    """
    return " ".join(filter(None, (_size(body), _game(body))))


def _game(body: JsonObject) -> str:
    stated = text(body.get("mode"))
    if stated is not None:
        return "" if stated == _PLAIN_MODE else stated
    playlist = text(body.get("playlist_id")) or ""
    if not playlist or playlist.rpartition("-")[2] in _PLAIN_WORDS:
        return ""
    return (text(body.get("playlist_name")) or playlist).removeprefix(_RANKED)


def _size(body: JsonObject) -> str:
    sides = [list(players_of(branch(body, color))) for color in TEAMS]
    nominal = number(body.get("team_size"))
    seen = max(map(_most_at_once, sides))
    size = min(seen, nominal) if seen and nominal else seen or nominal or max(map(len, sides))
    return f"{size:g}v{size:g}" if size else ""


def _most_at_once(players: list[JsonObject]) -> int:
    """Count the players on the field at once, at most; 0 when no times are known."""
    times = [(number(each.get("start_time")), number(each.get("end_time"))) for each in players]
    spans = [(start, end) for start, end in times if start is not None and end and end > start]
    # Who comes at the moment when another goes takes that place: -1 sorts before 1.
    moves = sorted(chain(((start, 1) for start, _ in spans), ((end, -1) for _, end in spans)))
    most = now = 0
    for _, step in moves:
        now += step
        most = max(most, now)
    return most
