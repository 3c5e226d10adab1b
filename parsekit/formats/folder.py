"""``--output DIR``: a file of its own for each result, whole or not there at all."""

from __future__ import annotations

import io
import re
import tempfile
from contextlib import closing
from pathlib import Path

from parsekit.formats.csv_text import CsvRows
from parsekit.formats.json_text import line_of
from parsekit.formats.parquet import ParquetRows
from parsekit.formats.writer import Format
from parsekit.model import Outcome
from parsekit.redaction.terminal_text import printable
from parsekit.storage.atomic import Folder
from parsekit.storage.os_errors import storage_errors

#: Bytes of a name taken from the replay; file systems allow 255 with all that is added.
_STEM_BYTES = 150
#: Hex digits of the content's SHA-256 that make a name unique.
_HASH_DIGITS = 8
#: What some file system or shell takes amiss.
_UNSAFE = re.compile(r'[\\/:*?"<>|]|^[.~-]')


class ResultFolder:
    """Writes ``<name of the replay>-<start of its hash>.<format>``.

    Two replays share a file only when name and content are the same; running again replaces a
    file by the same result. Raises `StorageDenied` or `StorageUnavailable` when the folder can't
    be made, or later a file not written.
    """

    def __init__(self, folder: Path, kind: Format) -> None:
        self._folder = folder
        self._kind = kind
        with storage_errors(folder), Folder.open(folder, make=True) as made:
            made.sweep_drafts()
            tempfile.TemporaryFile(dir=folder).close()

    def write(self, outcome: Outcome) -> None:
        """Write the result of one replay; a failed one has none."""
        if outcome.ok:
            name = f"{_stem(outcome)}.{self._kind}"
            with storage_errors(self._folder / name), Folder.open(self._folder) as folder:
                folder.write(name, (_body(outcome, self._kind),))

    def close(self) -> None:
        """Nothing is open."""


def _stem(outcome: Outcome) -> str:
    name = outcome.replay.rstrip("/").rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0] or name
    safe = _UNSAFE.sub("_", printable(stem)).encode()[:_STEM_BYTES].decode(errors="ignore")
    return f"{safe or 'replay'}-{outcome.hash[:_HASH_DIGITS] or outcome.task_id}"


def _body(outcome: Outcome, kind: Format) -> bytes:
    if kind is Format.PARQUET:
        table = io.BytesIO()
        with closing(ParquetRows(table)) as rows:
            rows.write(outcome)
        return table.getvalue()
    if kind is Format.CSV:
        text = io.StringIO()
        CsvRows(text).write(outcome)
        return text.getvalue().encode()
    return f"{line_of(outcome)}\n".encode()
