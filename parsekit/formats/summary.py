"""``--summary``: what many replays come to, for people and for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from parsekit.formats.views import By
from parsekit.groups.ballchasing import player_sums, team_sums
from parsekit.groups.game import Game, game_of
from parsekit.groups.members import PlayerTotals, Record, TeamTotals
from parsekit.groups.rules import PLAYER_RULES, TEAM_RULES, Total
from parsekit.groups.series import Series
from parsekit.groups.single import shortest
from parsekit.groups.summary import ModeSummary, SeasonSummary, summarize
from parsekit.model import JsonObject, Outcome
from parsekit.redaction.terminal_text import spreadsheet_safe


class SummaryWriter:
    """Keeps the games of a run, nothing else of its replays, and shows their summary at the end."""

    def __init__(self) -> None:
        self._games: list[Game] = []

    def write(self, outcome: Outcome) -> None:
        """Keep one game; a failed replay has none."""
        if outcome.ok:
            self._games.append(game_of(outcome.data, replay=outcome.replay))

    def close(self) -> None:
        """Show what came together, also after an interruption."""
        self._show(summarize(self._games))

    def _show(self, summary: SeasonSummary) -> None:
        raise NotImplementedError


class SummaryJson(SummaryWriter):
    """One object; or, of one kind of row, a line each."""

    def __init__(self, out: TextIO, by: By | None, *, lines: bool) -> None:
        super().__init__()
        self._out = out
        self._by = by
        self._lines = lines

    def _show(self, summary: SeasonSummary) -> None:
        if self._lines:
            for row in rows_of_summary(summary, self._by or By.PLAYER):
                print(json.dumps(row, separators=(",", ":")), file=self._out)
        else:
            print(json.dumps(_whole(summary, self._by), indent=1), file=self._out)
        self._out.flush()


class SummaryCsv(SummaryWriter):
    """A head, then a row a player, team or series; numbers are those of an average game."""

    def __init__(self, out: TextIO, by: By | None) -> None:
        super().__init__()
        self._writer = csv.writer(out, lineterminator="\n")
        self._by = by or By.PLAYER

    def _show(self, summary: SeasonSummary) -> None:
        columns = SUMMARY_COLUMNS[self._by]
        self._writer.writerow(columns)
        for mode in summary.modes:
            for row in flat_rows(mode, self._by):
                self._writer.writerow([_cell(row.get(name)) for name in columns])


def _column(stat: str) -> str:
    """Named as in the rows of single games."""
    return stat.removeprefix("core.").replace(".", "_")


def rows_of_summary(summary: SeasonSummary, by: By) -> Iterator[JsonObject]:
    """Every player, team or series of every mode, with the name of its mode."""
    for mode in summary.modes:
        for row in _rows(mode, by):
            yield {"mode": mode.mode, **row}


def _rows(mode: ModeSummary, by: By) -> Iterator[JsonObject]:
    if by is By.PLAYER:
        yield from map(player_sums, mode.players)
    elif by is By.TEAM:
        yield from map(team_sums, mode.teams)
    else:
        yield from map(_series, mode.series)


def _whole(summary: SeasonSummary, by: By | None) -> JsonObject:
    shown = {By.PLAYER: "players", By.TEAM: "teams", By.SERIES: "series"}
    return {
        "modes": [
            {
                "mode": mode.mode,
                "games": [_game(game) for game in mode.games],
                **{shown[each]: list(_rows(mode, each)) for each in ([by] if by else By)},
            }
            for mode in summary.modes
        ],
        "left_out": [{"replay": out.replay, "reason": out.reason} for out in summary.left_out],
    }


def _game(game: Game) -> JsonObject:
    return {
        "replay": game.replay,
        "match_id": game.match_id,
        "date": game.date.isoformat() if game.date else None,
        "score": {"blue": game.blue.goals, "orange": game.orange.goals},
        "winner": game.winner,
    }


def _series(series: Series) -> JsonObject:
    return {
        "name": series.name,
        "best_of": series.best_of,
        "teams": [
            {"name": team.label, "players": list(team.names), "wins": wins}
            for team, wins in zip(series.teams, series.wins, strict=True)
        ],
        "games": [_game(game) for game in series.games],
    }


_RECORD = ("games", "wins", "losses", "win_percentage", "play_duration_s")
#: What a flat row of each kind has.
SUMMARY_COLUMNS: Mapping[By, tuple[str, ...]] = {
    By.PLAYER: (
        "mode",
        "player",
        "platform",
        "player_id",
        "team",
        *_RECORD,
        *map(_column, PLAYER_RULES),
    ),
    By.TEAM: ("mode", "team", "players", *_RECORD, *map(_column, TEAM_RULES)),
    By.SERIES: ("mode", "series", "winner", "loser", "wins", "losses", "best_of", "games", "date"),
}


def flat_rows(mode: ModeSummary, by: By) -> Iterator[dict[str, Any]]:
    """A row a player, team or series of a mode, with the numbers of an average game."""
    if by is By.PLAYER:
        rows = map(_player_row, mode.players)
    elif by is By.TEAM:
        rows = map(_team_row, mode.teams)
    else:
        rows = map(_series_row, mode.series)
    for row in rows:
        yield {"mode": mode.mode, **row}


def _player_row(player: PlayerTotals) -> dict[str, Any]:
    platform, account, _ = player.key
    return {
        "player": player.name,
        "platform": platform or None,
        "player_id": account or None,
        "team": player.team,
        **_record(player.record, player.play_duration_s),
        **_averages(player.totals),
    }


def _team_row(team: TeamTotals) -> dict[str, Any]:
    return {
        "team": team.roster.label,
        "players": "; ".join(team.roster.names),
        **_record(team.record, team.play_duration_s),
        **_averages(team.totals),
    }


def _series_row(series: Series) -> dict[str, Any]:
    (first, second), (won, lost) = series.teams, series.wins
    start = series.games[0].date
    return {
        "series": series.name,
        "winner": first.label if won > lost else None,
        "loser": second.label if won > lost else None,
        "wins": won,
        "losses": lost,
        "best_of": series.best_of,
        "games": len(series.games),
        "date": start.isoformat() if start else None,
    }


def _record(record: Record, play_s: int | None) -> dict[str, Any]:
    share = record.win_percentage
    values = (
        record.games,
        record.wins,
        record.losses,
        None if share is None else shortest(share),
        play_s,
    )
    return dict(zip(_RECORD, values, strict=True))


def _averages(totals: Mapping[str, Total]) -> dict[str, Any]:
    return {_column(name): shortest(total.average) for name, total in totals.items()}


def _cell(value: object) -> object:
    return spreadsheet_safe(value) if isinstance(value, str) else value
