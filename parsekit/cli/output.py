"""Where results go: standard output, or files of their own and a table for the eye."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parsekit.cli.exit import writing_output
from parsekit.errors import BadRequest, StorageDenied, StorageUnavailable
from parsekit.formats.csv_text import CsvRows
from parsekit.formats.folder import ResultFolder
from parsekit.formats.json_text import JsonArray, JsonLinesWriter
from parsekit.formats.parquet import ParquetRows
from parsekit.formats.table import MatchDetail, MatchLines
from parsekit.formats.writer import Format, Writer
from parsekit.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What the user asked to get. ``single`` when there is only one replay."""

    kind: Format
    folder: Path | None
    single: bool

    def writers(self) -> list[Writer]:
        """Make what takes the outcomes.

        A table is for the eye: with a folder it still goes to the screen, and JSON to the files.
        Raises `BadRequest` and `ConfigInvalid`.
        """
        if self.folder is None:
            return [_Stdout(self._on_stdout())]
        if self.kind is Format.TABLE:
            return [_result_folder(self.folder, Format.JSON), _Stdout(self._on_stdout())]
        return [_result_folder(self.folder, self.kind)]

    @property
    def floods_terminal(self) -> bool:
        """Whether text that is no table goes to a terminal, where a bar would be in its way."""
        return self.folder is None and self.kind is not Format.TABLE and sys.stdout.isatty()

    def _on_stdout(self) -> Callable[[], Writer]:
        if self.kind is Format.PARQUET and sys.stdout.isatty():
            raise BadRequest("--format parquet is no text; redirect it to a file, or use --output")
        return {
            Format.TABLE: MatchDetail if self.single else MatchLines,
            Format.JSON: lambda: JsonArray(sys.stdout),
            Format.JSONL: lambda: JsonLinesWriter(sys.stdout),
            Format.CSV: lambda: CsvRows(sys.stdout),
            Format.PARQUET: lambda: ParquetRows(sys.stdout.buffer),
        }[self.kind]


def _result_folder(folder: Path, kind: Format) -> ResultFolder:
    try:
        return ResultFolder(folder, kind)
    except (StorageDenied, StorageUnavailable) as exc:
        raise BadRequest(f"--output {exc.message}") from exc


class _Stdout:
    """A writer to standard output; when that fails there is no use in going on."""

    def __init__(self, make: Callable[[], Writer]) -> None:
        with writing_output():
            self._writer = make()

    def write(self, outcome: Outcome) -> None:
        """Hand on. Raises `OutputLost`."""
        with writing_output():
            self._writer.write(outcome)

    def close(self) -> None:
        """Hand on. Raises `OutputLost`."""
        with writing_output():
            self._writer.close()
