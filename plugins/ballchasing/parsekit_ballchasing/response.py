"""Whether a body with status `ok` is whole, before it is stored.

Only what every ok body has is asked for. Six real bodies have much more, but training replays and
abandoned matches are `ok` without playlist, players or duration, so these are not required.
"""

from __future__ import annotations

from parsekit import JsonObject
from parsekit.errors import ParserFailed

_TEXTS = ("id", "link", "created", "status")
_OBJECTS = ("blue", "orange", "uploader")


def check_body(body: JsonObject, replay_id: str) -> None:
    """Refuse an answer that is not the statistics of this replay. Raises `ParserFailed`."""
    problem = _problem(body, replay_id)
    if problem is not None:
        raise ParserFailed(f"ballchasing answered no usable statistics for {replay_id}: {problem}")


def _problem(body: JsonObject, replay_id: str) -> str | None:
    for key in _TEXTS:
        if not isinstance(body.get(key), str):
            return f"{key!r} is not text"
    if body["id"] != replay_id:
        return "it is about another replay"
    for key in _OBJECTS:
        if not isinstance(body.get(key), dict):
            return f"{key!r} is not an object"
    return _team_problem(body, "blue") or _team_problem(body, "orange")


def _team_problem(body: JsonObject, color: str) -> str | None:
    players = body[color].get("players", [])
    if not isinstance(players, list) or not all(isinstance(player, dict) for player in players):
        return f"the players of {color} are not a list of objects"
    if any(not isinstance(player.get("stats", {}), dict) for player in players):
        return f"the statistics of a player of {color} are not an object"
    return None
