"""``--summary --format parquet``: the rows of the CSV with types, meanings and units."""

from __future__ import annotations

from dataclasses import replace
from typing import IO

from parsekit.formats.parquet import ParquetFile
from parsekit.formats.summary import SUMMARY_COLUMNS, SummaryWriter, flat_rows
from parsekit.formats.views import By
from parsekit.groups.summary import SeasonSummary
from parsekit.tables.schema import Column, TableSchema
from parsekit.tables.statistics import STATISTICS

#: Columns that are no statistic.
_FACTS = (
    Column("mode", "text", "mode, such as 3v3; no number spans two of them"),
    Column("player", "text", "name of the player in the last game"),
    Column("platform", "text", "platform of the account"),
    Column("player_id", "text", "id of the account"),
    Column("team", "text", "club of the team, else its players"),
    Column("players", "text", "everybody who played for the team"),
    Column("series", "text", "name of the series"),
    Column("winner", "text", "team that won it; empty where none is ahead"),
    Column("loser", "text", "team that lost it"),
    Column("games", "integer", "games that count"),
    Column("wins", "integer", "games won; of a series, by the first team"),
    Column("losses", "integer", "games lost; of a series, won by the other team"),
    Column("win_percentage", "number", "wins of the games with a known winner", "percent"),
    Column("play_duration_s", "integer", "time played, all players of a team together", "s"),
    Column("best_of", "integer", "length that the wins decide"),
    Column("date", "time", "when the first game was played"),
    Column("mvp", "number", "share of the games in which the player was the most valuable one"),
)
_KNOWN = {
    **{column.name: column for column in _FACTS},
    **{
        column.name: replace(column, kind="number", meaning=f"{column.meaning}; an average game's")
        for column, _, _ in STATISTICS
    },
}


class SummaryParquet(SummaryWriter):
    """A row a player, team or series. Raises `ConfigInvalid` where pyarrow is not installed."""

    def __init__(self, out: IO[bytes], by: By | None) -> None:
        super().__init__()
        self._by = by or By.PLAYER
        columns = tuple(_KNOWN[name] for name in SUMMARY_COLUMNS[self._by])
        meaning = f"a row a {self._by} of a mode, over all games that count"
        self._schema = TableSchema(name=f"summary_{self._by}", meaning=meaning, columns=columns)
        self._file = ParquetFile(out, self._schema)

    def _show(self, summary: SeasonSummary) -> None:
        for mode in summary.modes:
            self._file.add(map(self._schema.row, flat_rows(mode, self._by)))
        self._file.close()
