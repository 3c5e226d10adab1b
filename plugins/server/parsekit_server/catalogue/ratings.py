"""Ranks that clients reported of matches, and the replays that they come into."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select, update

from parsekit import JsonObject
from parsekit_server.catalogue.compressed import packed, unpacked
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.schema import body, rating, replay
from parsekit_server.facts import facts_of
from parsekit_server.ranks import Rank, with_ranks


class Ratings:
    """Ranks by match and account. They only come into replays of who reported them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, reporter_id: int, match_guid: str, ranks: Mapping[str, Rank]) -> None:
        """Keep the ranks of a match, and put them into its replay if that is parsed already."""
        with self._database.admitting() as connection:
            for account, rank in ranks.items():
                key = {"reporter_id": reporter_id, "match_guid": match_guid, "account": account}
                same = [rating.c[name] == value for name, value in key.items()]
                connection.execute(delete(rating).where(*same))
                values = {**key, "tier": rank.tier, "division": rank.division}
                connection.execute(insert(rating).values(values))
            parsed = (
                select(replay.c.id, body.c.data)
                .join(body)
                .where(replay.c.match_guid == match_guid, replay.c.uploader_id == reporter_id)
            )
            for row in connection.execute(parsed).all():
                _put(connection, row.id, with_ranks(unpacked(row.data), ranks))


def reported_ranks(connection: Connection, replay_id: str) -> dict[str, Rank]:
    """The ranks that the uploader of a replay has reported of its match, by account."""
    rows = (
        select(rating)
        .join(replay, rating.c.match_guid == replay.c.match_guid)
        .where(replay.c.id == replay_id, rating.c.reporter_id == replay.c.uploader_id)
    )
    return {row.account: Rank(row.tier, row.division) for row in connection.execute(rows)}


def _put(connection: Connection, replay_id: str, data: JsonObject) -> None:
    facts = facts_of(data)
    kept = {"item": packed(facts.item), "data": packed(data), "edition": body.c.edition + 1}
    connection.execute(update(body).where(body.c.replay_id == replay_id).values(kept))
    tiers = {"min_tier": facts.min_tier, "max_tier": facts.max_tier}
    connection.execute(update(replay).where(replay.c.id == replay_id).values(tiers))
