"""Accounts and their tokens."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from parsekit.errors import BadRequest
from parsekit_server.access import Role, Viewer
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.rows import AccountRow, TokenRow
from parsekit_server.catalogue.schema import account, replay_group, token
from parsekit_server.errors import NotFound
from parsekit_server.moments import now_us


class Accounts:
    """Who may use the server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_token(self, name: str, role: Role, digest: str, *, group_id: str | None = None) -> None:
        """Give an account a token; the account is made where there is none of this name.

        Raises `NotFound` for the token of a group that is not there, and `BadRequest` for a name
        that is none.
        """
        _check_name(name)
        with self._database.writing() as connection:
            if group_id is not None:
                wanted = select(replay_group.c.id).where(replay_group.c.id == group_id)
                if connection.scalar(wanted) is None:
                    raise NotFound(f"there is no group {group_id!r}; its id is in its address")
            connection.execute(
                insert(token).values(
                    account_id=_account(connection, name),
                    group_id=group_id,
                    role=role,
                    digest=digest,
                    created_us=now_us(),
                )
            )

    def operator(self, name: str) -> Viewer:
        """Who adds replays in the name of an account, which is made where there is none.

        Raises `BadRequest` for a name that is none.
        """
        _check_name(name)
        with self._database.writing() as connection:
            return Viewer(account_id=_account(connection, name), name=name, role=Role.ADMIN)

    def viewer(self, digest: str) -> Viewer | None:
        """Who brings a token with this digest; None for one that nobody has, or has no more."""
        wanted = _TOKENS.where(token.c.digest == digest, token.c.revoked_us.is_(None))
        with self._database.reading() as connection:
            found = connection.execute(wanted).one_or_none()
        if found is None:
            return None
        return Viewer(
            account_id=found.account_id,
            name=found.account_name,
            role=Role(found.role),
            group_id=found.group_id,
        )

    def tokens(self) -> list[TokenRow]:
        """Every token, in the order in which they were made."""
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(_TOKENS.order_by(token.c.id))]

    def revoke(self, name_or_number: str) -> int:
        """End the token of this number, or all of the account of this name; how many ended."""
        wanted: ColumnElement[bool] = token.c.account_id.in_(
            select(account.c.id).where(account.c.name == name_or_number)
        )
        if name_or_number.isdecimal():
            wanted = token.c.id == int(name_or_number)
        ended = update(token).where(wanted, token.c.revoked_us.is_(None))
        with self._database.writing() as connection:
            return connection.execute(ended.values(revoked_us=now_us())).rowcount


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or name.isdecimal():
        raise BadRequest(f"{name!r} is no name of an account; write printable text, not a number")


def _account(connection: Connection, name: str) -> int:
    found = connection.scalar(select(account.c.id).where(account.c.name == name))
    if found is None:
        values = {"name": name, "created_us": now_us()}
        made = connection.execute(insert(account).values(values).returning(account.c.id))
        found = made.scalar_one()
    return int(found)


_TOKENS = select(token, account.c.name.label("account_name")).join(account)


def _token(row: Row[tuple[object, ...]]) -> TokenRow:
    found = row._mapping  # noqa: SLF001  (the public name of SQLAlchemy)
    return TokenRow(
        id=found["id"],
        account=AccountRow(id=found["account_id"], name=found["account_name"]),
        role=Role(found["role"]),
        group_id=found["group_id"],
        created_us=found["created_us"],
        revoked_us=found["revoked_us"],
    )
