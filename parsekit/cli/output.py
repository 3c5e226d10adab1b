"""Where results go: standard output, or files of their own and a table for the eye.

A writer is imported when it is chosen: all of them take longer than the parse of a replay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parsekit.cli.exit import writing_output
from parsekit.errors import BadRequest, StorageDenied, StorageUnavailable
from parsekit.formats.views import By, View
from parsekit.formats.writer import Format, Writer
from parsekit.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What the user asked to get. ``single`` when there is only one replay.

    ``tables`` is a folder for tidy tables beside all else.
    ``summary`` asks for what all of them come to, ``by`` for rows of one kind.
    """

    kind: Format
    folder: Path | None
    tables: Path | None
    single: bool
    view: View | None = None
    summary: bool = False
    by: By | None = None

    def writers(self) -> list[Writer]:
        """Make what takes the outcomes.

        A table is for the eye: with a folder it still goes to the screen, and JSON to the files.
        A summary always goes to standard output. Raises `BadRequest` and `ConfigInvalid`.
        """
        self._check()
        tables = [_tables_folder(self.tables, self.kind)] if self.tables else []
        if self.folder is None:
            return [*tables, StdoutWriter(self._on_stdout())]
        if self.kind is Format.TABLE:
            in_folder = _result_folder(self.folder, Format.JSON)
            return [*tables, in_folder, StdoutWriter(self._on_stdout())]
        in_folder = _result_folder(self.folder, self.kind)
        return [*tables, in_folder, *([StdoutWriter(self._on_stdout())] if self.summary else [])]

    def _check(self) -> None:
        """Refuse options that would be without effect."""
        if self.by is not None and not self.summary:
            raise BadRequest(f"--by {self.by} goes with --summary; add it")
        if self.view is not None and self.kind is not Format.TABLE:
            raise BadRequest(
                f"--view {self.view} is for tables; --format {self.kind} has all columns"
            )

    @property
    def floods_terminal(self) -> bool:
        """Whether text that is no table goes to a terminal, where a bar would be in its way."""
        return self.folder is None and self.kind is not Format.TABLE and sys.stdout.isatty()

    def _on_stdout(self) -> Callable[[], Writer]:
        if self.kind is Format.PARQUET and sys.stdout.isatty():
            raise BadRequest("--format parquet is no text; redirect it to a file, or use --output")
        return self._summary if self.summary else self._each

    def _each(self) -> Writer:
        """What writes replay by replay."""
        match self.kind:
            case Format.TABLE if self.single:
                from parsekit.formats.table import MatchDetail  # noqa: PLC0415

                return MatchDetail(self.view or View.CORE)
            case Format.TABLE:
                from parsekit.formats.listing import MatchLines  # noqa: PLC0415

                return MatchLines()
            case Format.JSON:
                from parsekit.formats.json_text import JsonArray  # noqa: PLC0415

                return JsonArray(sys.stdout)
            case Format.JSONL:
                from parsekit.formats.json_text import JsonLinesWriter  # noqa: PLC0415

                return JsonLinesWriter(sys.stdout)
            case Format.CSV:
                from parsekit.formats.csv_text import CsvRows  # noqa: PLC0415

                return CsvRows(sys.stdout)
            case Format.PARQUET:
                from parsekit.formats.parquet import ParquetRows  # noqa: PLC0415

                return ParquetRows(sys.stdout.buffer)

    def _summary(self) -> Writer:
        from parsekit.formats.summary import SummaryCsv, SummaryJson  # noqa: PLC0415
        from parsekit.formats.summary_table import SummaryTable  # noqa: PLC0415

        match self.kind:
            case Format.TABLE:
                return SummaryTable(self.by, self.view or View.CORE)
            case Format.CSV:
                return SummaryCsv(sys.stdout, self.by)
            case Format.PARQUET:
                from parsekit.formats.summary_parquet import SummaryParquet  # noqa: PLC0415

                return SummaryParquet(sys.stdout.buffer, self.by)
            case _:
                return SummaryJson(sys.stdout, self.by, lines=self.kind is Format.JSONL)


def _tables_folder(folder: Path, kind: Format) -> Writer:
    from parsekit.formats.tables_folder import TablesFolder  # noqa: PLC0415

    try:
        return TablesFolder(folder, "csv" if kind is Format.CSV else "parquet")
    except (StorageDenied, StorageUnavailable) as exc:
        raise BadRequest(f"--tables {exc.message}") from exc


def _result_folder(folder: Path, kind: Format) -> Writer:
    from parsekit.formats.folder import ResultFolder  # noqa: PLC0415

    try:
        return ResultFolder(folder, kind)
    except (StorageDenied, StorageUnavailable) as exc:
        raise BadRequest(f"--output {exc.message}") from exc


class StdoutWriter:
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
