"""A catalogue full of replays that nobody uploaded."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import insert

from parsekit import Session
from parsekit_server.access import Visibility
from parsekit_server.catalogue.compressed import packed
from parsekit_server.catalogue.schema import body as body_table
from parsekit_server.catalogue.schema import replay
from parsekit_server.facts import facts_of
from parsekit_server.site import open_catalogue

from .running import body

_FIRST_US = 1_700_000_000_000_000
_MINUTE_US = 60_000_000


def fill(session: Session, number: int) -> list[str]:
    """Add so many replays of account 1, a minute apart; their ids, oldest first."""
    made = body()
    kept = {"item": packed(facts_of(made).item), "data": packed(made)}
    rows = [_row(place) for place in range(number)]
    with open_catalogue(session) as database, database.writing() as connection:
        connection.execute(insert(replay), rows)
        bodies = [{"replay_id": row["id"], **kept} for row in rows]
        connection.execute(insert(body_table), bodies)
    return [row["id"] for row in rows]


def _row(place: int) -> dict[str, Any]:
    moment_us = _FIRST_US + place * _MINUTE_US
    return {
        "id": str(uuid.uuid4()),
        "uploader_id": 1,
        "visibility": Visibility.PUBLIC.value,
        "created_us": moment_us,
        "date_us": moment_us,
        "title": f"Match {place}",
        "title_folded": f"match {place}",
        "titled": False,
        "sha256": uuid.uuid4().hex,
        "size_bytes": 1,
        "status": "ok",
        "starts": 0,
        "tries": 0,
        "pro": False,
    }
