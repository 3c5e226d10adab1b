"""Replays: accepted, changed, read and deleted, and what their parses came to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from parsekit import JsonObject
from parsekit_server.access import Viewer, Visibility
from parsekit_server.catalogue.compressed import packed, unpacked
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.ratings import reported_ranks
from parsekit_server.catalogue.rows import (
    AccountRow,
    GroupName,
    PendingReplay,
    ReplayRow,
    Status,
)
from parsekit_server.catalogue.schema import account, arena, body, player, replay, replay_group
from parsekit_server.catalogue.visible import listed, reachable
from parsekit_server.errors import Forbidden, NotFound
from parsekit_server.facts import ReplayFacts, facts_of
from parsekit_server.moments import now_us
from parsekit_server.ranks import with_ranks

#: Bodies that are read at once, some 5 kB each.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplay:
    """A replay that is to be added; its file is on the disk."""

    id: str
    uploader_id: int
    group_id: str | None
    visibility: Visibility
    title: str
    sha256: str
    size_bytes: int
    match_guid: str | None
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayChanges:
    """What is to be changed of a replay; None stays. ``group_id`` "" takes it out of its group."""

    title: str | None = None
    visibility: Visibility | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """Replays of one status; ``first_us`` is when the first of them was uploaded.

    ``size_bytes`` is that of all their files.
    """

    replays: int = 0
    first_us: int = 0
    size_bytes: int = 0


class Replays:
    """Every uploaded replay."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewReplay, viewer: Viewer) -> str | None:
        """Add a replay, or answer the id of the one that the viewer sees with the same content.

        The same are equal bytes, or the same match unless its parse failed. Raises `NotFound` and
        `Forbidden` for a group that is not the viewer's.
        """
        with self._database.admitting() as connection:
            if new.group_id is not None:
                _check_group(connection, new.group_id, viewer)
            existing = connection.scalar(_duplicates(new, viewer))
            if existing is None:
                connection.execute(insert(replay).values(_row_of(new)))
            return existing

    def with_content(self, sha256: str, viewer: Viewer) -> str | None:
        """The id of a replay with these bytes that the viewer may see; None where there is none."""
        wanted = select(replay.c.id).where(replay.c.sha256 == sha256, reachable(viewer)).limit(1)
        with self._database.reading() as connection:
            found: str | None = connection.scalar(wanted)
        return found

    def find(self, replay_id: str, viewer: Viewer) -> ReplayRow:
        """A replay that the viewer may see. Raises `NotFound`."""
        with self._database.reading() as connection:
            return _find(connection, replay_id, viewer)

    def data(self, replay_id: str) -> JsonObject | None:
        """The parser's answer; None while there is none."""
        with self._database.reading() as connection:
            found = connection.scalar(select(body.c.data).where(body.c.replay_id == replay_id))
        return None if found is None else unpacked(found)

    def bodies(self, replay_ids: Sequence[str]) -> Iterator[tuple[str, int, JsonObject]]:
        """Id, edition and the parser's answer of each of these that has one, in any order."""
        for begin in range(0, len(replay_ids), _AT_ONCE):
            some = body.c.replay_id.in_(replay_ids[begin : begin + _AT_ONCE])
            with self._database.reading() as connection:
                found = connection.execute(select(body).where(some)).all()
            for row in found:
                yield row.replay_id, row.edition, unpacked(row.data)

    def change(self, replay_id: str, changes: ReplayChanges, viewer: Viewer) -> None:
        """Change a replay of the viewer's. Raises `NotFound`, `Forbidden`."""
        values: dict[str, Any] = {}
        if changes.title is not None:
            values |= {"title": changes.title, "title_folded": changes.title.casefold()}
            values["titled"] = True
        if changes.visibility is not None:
            values["visibility"] = changes.visibility
        if changes.group_id is not None:
            values["group_id"] = changes.group_id or None
        with self._database.writing() as connection:
            _check_owner(connection, replay_id, viewer)
            if changes.group_id:
                _check_group(connection, changes.group_id, viewer)
            if values:
                wanted = update(replay).where(replay.c.id == replay_id)
                connection.execute(wanted.values(values))

    def delete(self, replay_id: str, viewer: Viewer) -> ReplayRow:
        """Delete a replay of the viewer's, and what was known of it; answer what it was."""
        with self._database.writing() as connection:
            row = _check_owner(connection, replay_id, viewer)
            connection.execute(delete(replay).where(replay.c.id == replay_id))
            return row

    def uses(self, result_key: str) -> bool:
        """Whether a replay's stored result has this key."""
        with self._database.reading() as connection:
            wanted = select(replay.c.id).where(replay.c.result_key == result_key).limit(1)
            return connection.scalar(wanted) is not None

    def maps(self, viewer: Viewer) -> dict[str, str]:
        """Code and name of every map of the replays that lists show to the viewer."""
        played = exists().where(replay.c.map_code == arena.c.code, listed(viewer))
        rows = select(arena.c.code, arena.c.name).where(played).order_by(arena.c.code)
        with self._database.reading() as connection:
            found = connection.execute(rows)
            return {row.code: row.name for row in found}

    def check(self) -> None:
        """Raise `StorageUnavailable` while the catalogue can't be read."""
        with self._database.reading() as connection:
            connection.execute(select(replay.c.id).limit(1)).all()

    def counts(self) -> dict[Status, StatusCount]:
        """How many replays have each status, when the first of them was uploaded, their bytes."""
        size = func.sum(replay.c.size_bytes)
        rows = select(replay.c.status, func.count(), func.min(replay.c.created_us), size)
        with self._database.reading() as connection:
            found = connection.execute(rows.group_by(replay.c.status)).all()
        return {
            status: StatusCount(replays=number, first_us=us, size_bytes=int(size_bytes))
            for status, number, us, size_bytes in found
        }

    def start_next(
        self, running: Collection[str], survived: Collection[str]
    ) -> PendingReplay | None:
        """The replay that waits longest and is not ``running``, counted as started.

        One that this process has ``survived`` is not counted again.
        """
        waiting = select(replay.c.id, replay.c.starts, replay.c.tries).where(
            replay.c.due_us <= now_us(), replay.c.id.not_in(running)
        )
        with self._database.writing() as connection:
            found = connection.execute(waiting.order_by(replay.c.due_us).limit(1)).one_or_none()
            if found is None:
                return None
            starts = found.starts + (found.id not in survived)
            started = PendingReplay(id=found.id, starts=starts, tries=found.tries)
            _set(connection, found.id, starts=started.starts)
            return started

    def release(self, replay_id: str) -> None:
        """Undo `start_next`: its parse was broken off, through no fault of the replay."""
        with self._database.writing() as connection:
            _set(connection, replay_id, starts=0)

    def postpone(self, pending: PendingReplay, *, due_us: int, code: str, message: str) -> None:
        """Try it again later, for a reason that may pass."""
        with self._database.writing() as connection:
            _set(
                connection,
                pending.id,
                starts=0,
                tries=pending.tries + 1,
                due_us=due_us,
                failure_code=code,
                failure_message=message,
            )

    def fail(self, replay_id: str, *, code: str, message: str) -> None:
        """End it without an answer."""
        with self._database.writing() as connection:
            _set(
                connection,
                replay_id,
                status="failed",
                due_us=None,
                failure_code=code,
                failure_message=message,
            )

    def finish(self, replay_id: str, answer: JsonObject, *, result_key: str | None) -> bool:
        """Keep the parser's answer; False for a replay that was deleted meanwhile."""
        with self._database.admitting() as connection:
            data = with_ranks(answer, reported_ranks(connection, replay_id))
            facts = facts_of(data)
            known = _columns_of(facts, result_key)
            if not _set(connection, replay_id, status="ok", due_us=None, **known):
                return False
            if facts.title is not None:
                untitled = update(replay).where(replay.c.id == replay_id, ~replay.c.titled)
                folded = facts.title.casefold()
                connection.execute(untitled.values(title=facts.title, title_folded=folded))
            kept = {"item": packed(facts.item), "data": packed(data)}
            connection.execute(insert(body).values(replay_id=replay_id, **kept))
            _add_arena(connection, facts)
            if facts.players:
                moments = select(replay.c.created_us, replay.c.date_us)
                found = connection.execute(moments.where(replay.c.id == replay_id)).mappings()
                connection.execute(insert(player), _players_of(replay_id, facts, found.one()))
        return True


def _columns_of(facts: ReplayFacts, result_key: str | None) -> dict[str, Any]:
    known: dict[str, Any] = {
        "match_guid": func.coalesce(replay.c.match_guid, facts.match_guid),
        "playlist": facts.playlist,
        "season": facts.season,
        "map_code": facts.map_code,
        "min_tier": facts.min_tier,
        "max_tier": facts.max_tier,
        "recorder_won": facts.recorder_won,
        "pro": facts.pro,
        "result_key": result_key,
        "failure_code": None,
        "failure_message": None,
    }
    return known if facts.date_us is None else {**known, "date_us": facts.date_us}


def _row_of(new: NewReplay) -> dict[str, Any]:
    begun = {"status": "pending", "starts": 0, "tries": 0, "titled": False, "pro": False}
    due = {"date_us": new.created_us, "due_us": new.created_us}
    return {**asdict(new), **begun, **due, "title_folded": new.title.casefold()}


def _players_of(replay_id: str, facts: ReplayFacts, moments: RowMapping) -> list[dict[str, Any]]:
    return [
        {
            **moments,
            "replay_id": replay_id,
            "place": place,
            "account": each.account,
            "name_folded": each.name.casefold(),
            "won": each.won,
        }
        for place, each in enumerate(facts.players)
    ]


def _add_arena(connection: Connection, facts: ReplayFacts) -> None:
    if facts.map_code is None or facts.map_name is None:
        return
    known = connection.scalar(select(arena.c.code).where(arena.c.code == facts.map_code))
    if known is None:
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(arena).values(code=facts.map_code, name=facts.map_name))


def _duplicates(new: NewReplay, viewer: Viewer) -> Select[str]:
    same = replay.c.sha256 == new.sha256
    if new.match_guid is not None:
        same_match = (replay.c.match_guid == new.match_guid) & (replay.c.status != "failed")
        same = or_(same, same_match)
    found = select(replay.c.id).where(same, reachable(viewer))
    return found.order_by(replay.c.created_us, replay.c.id).limit(1)


def _set(connection: Connection, replay_id: str, **values: Any) -> bool:
    """Change a replay that waits for its parse; False where it does not."""
    wanted = update(replay).where(replay.c.id == replay_id, replay.c.status == "pending")
    return connection.execute(wanted.values(values)).rowcount == 1


#: A replay with the names of its uploader and group.
REPLAYS = (
    select(
        replay,
        account.c.name.label("uploader_name"),
        replay_group.c.name.label("group_name"),
    )
    .join(account, replay.c.uploader_id == account.c.id)
    .outerjoin(replay_group, replay.c.group_id == replay_group.c.id)
)


def _find(connection: Connection, replay_id: str, viewer: Viewer) -> ReplayRow:
    wanted = REPLAYS.where(replay.c.id == replay_id, reachable(viewer))
    found = connection.execute(wanted).one_or_none()
    if found is None:
        raise NotFound("replay not found")
    return replay_row(found)


def _check_owner(connection: Connection, replay_id: str, viewer: Viewer) -> ReplayRow:
    found = _find(connection, replay_id, viewer)
    viewer.check_changes(found.uploader.id)
    return found


def _check_group(connection: Connection, group_id: str, viewer: Viewer) -> None:
    """Raise for a group into which the viewer may not put replays."""
    wanted = select(replay_group.c.creator_id).where(replay_group.c.id == group_id)
    creator_id = connection.scalar(wanted)
    if creator_id is None:
        raise NotFound(f"there is no group {group_id[:80]!r}")
    own = viewer.account_id == creator_id or viewer.group_id == group_id
    if not own and not viewer.sees_all:
        raise Forbidden("replays go into a group by who made it, or with a token of the group")


def replay_row(row: Row[Any]) -> ReplayRow:
    """Read a row of `REPLAYS`."""
    group = None
    if row.group_id is not None:
        group = GroupName(id=row.group_id, name=row.group_name)
    return ReplayRow(
        id=row.id,
        uploader=AccountRow(id=row.uploader_id, name=row.uploader_name),
        group=group,
        visibility=Visibility(row.visibility),
        created_us=row.created_us,
        title=row.title,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        match_guid=row.match_guid,
        status=row.status,
        failure_code=row.failure_code,
        failure_message=row.failure_message,
        result_key=row.result_key,
    )
