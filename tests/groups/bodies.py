"""Replay bodies for group sums, each of them as small as its test allows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parsekit.model import JsonObject


def player(
    name: str, *, played_s: float | None = 300.9, start_s: float = 0, **stats: JsonObject
) -> JsonObject:
    """An entry of ``players``; ``stats`` by group."""
    times = {} if played_s is None else {"start_time": start_s, "end_time": start_s + played_s}
    return {
        "name": name,
        "id": {"platform": "steam", "id": f"id of {name}"},
        **times,
        "stats": stats,
    }


def body(
    blue: Iterable[str | JsonObject],
    orange: Iterable[str | JsonObject],
    score: tuple[int, int] | None = (1, 0),
    *,
    at: str = "2026-03-01T20:00:00Z",
    **members: Any,
) -> JsonObject:
    """A match between these players; text is a name."""

    def side(players: Iterable[str | JsonObject]) -> JsonObject:
        return {"players": [player(each) if isinstance(each, str) else each for each in players]}

    final = {"final_score": dict(zip(("blue", "orange"), score, strict=True))} if score else {}
    return {
        "date": at,
        "duration": 300,
        "blue": side(blue),
        "orange": side(orange),
        **final,
        **members,
    }
