"""``--tables DIR``: tidy tables for analysts, a file each, and what their columns mean."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from parsekit.formats.csv_text import CsvRows
from parsekit.formats.parquet import ParquetRows
from parsekit.formats.writer import Writer
from parsekit.model import Outcome
from parsekit.storage.atomic import Folder
from parsekit.storage.os_errors import storage_errors
from parsekit.tables.events import EVENTS, GOALS
from parsekit.tables.results import MATCHES, PLAYERS, TEAMS
from parsekit.tables.schema import VERSION, Table

#: In the order in which they join: by ``hash``, and ``team``.
TABLES: tuple[Table, ...] = (MATCHES, TEAMS, PLAYERS, GOALS, EVENTS)
_SCHEMA = "schema.json"
#: Bytes or characters that are copied at once.
_BLOCK_SIZE = 1 << 20


class TablesFolder:
    """Writes ``matches``, ``teams``, ``players``, ``goals`` and ``events``, and ``schema.json``.

    Rows are kept in files without a name until the end: each table takes its place whole, also
    after an interruption, and in flat memory. Raises `StorageDenied`, `StorageUnavailable` for the
    folder, and `ConfigInvalid` without pyarrow.
    """

    def __init__(self, folder: Path, kind: Literal["parquet", "csv"]) -> None:
        self._folder, self._kind = folder, kind
        self._files = ExitStack()
        self._drafts: list[tuple[Table, Any, Writer]] = []
        with storage_errors(folder), Folder.open(folder, make=True) as made:
            made.sweep_drafts()
        for table in TABLES:
            draft = self._files.enter_context(self._draft())
            writer = ParquetRows(draft, table) if kind == "parquet" else CsvRows(draft, table)
            self._drafts.append((table, draft, writer))

    def write(self, outcome: Outcome) -> None:
        """Add the rows of one replay."""
        with storage_errors(self._folder):
            for _, _, writer in self._drafts:
                writer.write(outcome)

    def close(self) -> None:
        """Put all tables in their places."""
        about = {"tables_version": VERSION, "tables": [table.describe() for table in TABLES]}
        with self._files, storage_errors(self._folder), Folder.open(self._folder) as folder:
            for table, draft, writer in self._drafts:
                writer.close()
                draft.seek(0)
                folder.write(f"{table.name}.{self._kind}", _blocks(draft))
            folder.write(_SCHEMA, ((json.dumps(about, indent=1) + "\n").encode(),))

    def _draft(self) -> Any:
        with storage_errors(self._folder):
            if self._kind == "csv":
                return tempfile.TemporaryFile("w+", encoding="utf-8", newline="", dir=self._folder)
            return tempfile.TemporaryFile(dir=self._folder)


def _blocks(draft: Any) -> Iterator[bytes]:
    while block := draft.read(_BLOCK_SIZE):
        yield block if isinstance(block, bytes) else block.encode()
