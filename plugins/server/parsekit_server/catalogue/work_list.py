"""What an operator asks of the catalogue: what waits for its parse, and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.schema import account, replay

#: Lines of a list.
_MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLine:
    """A replay that waits or failed. ``due_us``: when it is tried; None for one that failed."""

    replay_id: str
    title: str
    uploader: str
    created_us: int
    due_us: int | None
    starts: int
    tries: int
    code: str | None
    message: str | None


class WorkList:
    """Answers to an operator, who sees the replays of everybody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> list[WorkLine]:
        """The first that will be tried."""
        wanted = _LINES.where(replay.c.due_us.is_not(None)).order_by(replay.c.due_us)
        return self._lines(wanted)

    def failures(self) -> list[WorkLine]:
        """The last that failed."""
        wanted = _LINES.where(replay.c.status == "failed")
        return self._lines(wanted.order_by(replay.c.created_us.desc(), replay.c.id.desc()))

    def _lines(self, wanted: Any) -> list[WorkLine]:
        with self._database.reading() as connection:
            return [_line(row) for row in connection.execute(wanted.limit(_MOST))]


_LINES = select(replay, account.c.name.label("uploader")).join(account)


def _line(row: Row[Any]) -> WorkLine:
    return WorkLine(
        replay_id=row.id,
        title=row.title,
        uploader=row.uploader,
        created_us=row.created_us,
        due_us=row.due_us,
        starts=row.starts,
        tries=row.tries,
        code=row.failure_code,
        message=row.failure_message,
    )
