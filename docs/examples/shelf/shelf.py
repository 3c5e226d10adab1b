"""The storage `shelf`: replays and results in one SQLite file."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from parsekit import (
    LARGEST_READ_BYTES,
    ObjectInfo,
    ProviderContext,
    Section,
    StorageEntry,
    hookimpl,
    save_whole,
)
from parsekit.errors import ReplayNotFound, StorageUnavailable

TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, sha256 TEXT, body BLOB)"
REPLACE = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)"
KEEP = "INSERT OR IGNORE INTO objects VALUES (?, ?, ?)"


class ShelfSettings(Section):
    path: Path | None = None
    wait_s: float = 5.0


class Shelf:
    results_prefix = "parsed"

    def __init__(self, context: ProviderContext) -> None:
        settings: ShelfSettings = context.settings
        self.path = settings.path or context.data_dir / "shelf.sqlite"
        self.wait_s = settings.wait_s

    def head(self, key: str) -> ObjectInfo:
        with self._database() as database:
            found = database.execute(
                "SELECT length(body), sha256 FROM objects WHERE key = ?", (key,)
            ).fetchone()
        if found is None:
            raise ReplayNotFound(f"there is no {key} in {self.path}")
        return ObjectInfo(key=key, size_bytes=found[0], sha256=found[1])

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        info = self.head(key)
        body = self._body(key) if info.size_bytes <= max_bytes else b""
        return save_whole([body], target, found=info, max_bytes=max_bytes)

    def read(self, key: str) -> bytes | None:
        try:
            small = self.head(key).size_bytes <= LARGEST_READ_BYTES
            return self._body(key) if small else None
        except ReplayNotFound:
            return None

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        row = (key, hashlib.sha256(body).hexdigest(), body)
        with self._database() as database:
            return database.execute(REPLACE if replace else KEEP, row).rowcount == 1

    def delete(self, key: str) -> None:
        with self._database() as database:
            database.execute("DELETE FROM objects WHERE key = ?", (key,))

    def close(self) -> None:
        """Nothing is held open: connections are neither for several threads nor for forks."""

    def _body(self, key: str) -> bytes:
        with self._database() as database:
            found = database.execute("SELECT body FROM objects WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise ReplayNotFound(f"there is no {key} in {self.path}")
        return bytes(found[0])

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=self.wait_s)) as database, database:
                database.execute(TABLE)
                yield database
        except sqlite3.Error as exc:
            raise StorageUnavailable(f"{self.path}: {exc}; is its disk well?") from exc


@hookimpl
def parsekit_register_storages(register):
    register(StorageEntry(name="shelf", create=Shelf, settings=ShelfSettings))
