"""The database under the catalogue: SQLite in a file, or PostgreSQL.

SQLite has one writer: a transaction that will write takes its turn when it begins, so that it never
fails for another's sake in its middle. What was committed is on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit_server.catalogue.migrations.upgrading import (
    is_current,
    reached_revision,
    upgrade,
)

#: Seconds that a writer waits for others.
_PATIENCE_S = 30
#: Connections that stay open; beyond them come those of a burst.
_POOL = {"pool_size": 8, "max_overflow": 40}
#: Any numbers that nothing else in the database locks.
_UPLOADS_LOCK, _UPGRADE_LOCK = 8420, 8421


class Database:
    """Transactions on one database. Raises `StorageUnavailable` while it can't be used."""

    def __init__(self, url: URL) -> None:
        self._engine = _engine(url)

    @classmethod
    def in_file(cls, path: Path) -> Database:
        """SQLite in this file, which is made where there is none."""
        return cls(URL.create("sqlite+pysqlite", database=str(path)))

    @classmethod
    def at(cls, address: str, password: str | None = None) -> Database:
        """PostgreSQL at this address. Raises `ConfigInvalid` for one that makes no sense."""
        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
            return cls(url if password is None else url.set(password=password))
        except ArgumentError as error:
            raise ConfigInvalid("server.database is no address of a database") from error
        except ImportError as error:
            raise ConfigInvalid(
                "PostgreSQL needs a driver: pip install 'parsekit-server[postgresql]'"
            ) from error

    def upgrade(self, *, only_new: bool = False) -> None:
        """Bring the tables to the form that this version works with, one process at a time.

        With ``only_new`` it makes those of an empty database and changes no others. Raises
        `ConfigInvalid` for a catalogue of a newer version, and for one that it may not change.
        """
        with self.reading() as connection:
            if is_current(connection):
                return
            if only_new and reached_revision(connection) is not None:
                raise ConfigInvalid(
                    "the catalogue is of an older version; start parsekit serve, which brings it"
                    " up to date"
                )
        with self._alone(_UPGRADE_LOCK) as connection:
            if not is_current(connection):
                upgrade(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction whose changes are on the disk when the block ends."""
        with (
            _translated(),
            self._engine.connect().execution_options(parsekit_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def admitting(self) -> Iterator[Connection]:
        """A writing transaction, one at a time: two uploads of one match see each other."""
        with self._alone(_UPLOADS_LOCK) as connection:
            yield connection

    @contextmanager
    def _alone(self, lock: int) -> Iterator[Connection]:
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({lock})"))
            yield connection

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, **_POOL)
    engine = create_engine(url, connect_args={"timeout": _PATIENCE_S}, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python's module would begin transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("parsekit_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(str(error.orig)) from error
    except PoolTimeout as error:
        raise _unavailable("all connections are in use") from error


def _unavailable(reason: str) -> StorageUnavailable:
    cause = reason.strip().partition("\n")[0]
    return StorageUnavailable(f"the catalogue can't be used now: {cause}; try again")
