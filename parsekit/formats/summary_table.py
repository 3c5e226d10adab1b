"""The summary of many replays for people: series, teams and players of each mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from parsekit.formats.grid import Cell, Grid, TableColumn
from parsekit.formats.screen import file_name, packed, plain, room, show
from parsekit.formats.summary import SummaryWriter
from parsekit.formats.views import FIGURES, MORE, By, Figure, View, sections
from parsekit.groups.game import Game
from parsekit.groups.members import PlayerTotals, Record, TeamTotals
from parsekit.groups.rules import Total
from parsekit.groups.series import Series
from parsekit.groups.summary import LeftOut, ModeSummary, SeasonSummary

if TYPE_CHECKING:
    from rich.text import Text

#: From here on an average has no use for decimals.
_LARGE = 100
_LEAST_NAME, _MOST_NAME = 14, 32
#: Stands behind a number that not all of the games know.
_PARTLY = "*"
_CONCEDED = Figure(heading="Conceded", stat="core.goals_against", adds_up=True)
#: What a team's line has in the view ``core``.
_TEAM_CORE = (
    *FIGURES[View.CORE][1:2],
    _CONCEDED,
    *FIGURES[View.CORE][2:6],
    Figure(heading="Shots at us", stat="core.shots_against", adds_up=True),
    *FIGURES[View.DEMOS],
)


class SummaryTable(SummaryWriter):
    """Tables on standard output."""

    def __init__(self, by: By | None, view: View) -> None:
        super().__init__()
        self._by = tuple(By) if by is None else (by,)
        self._view = view

    def _show(self, summary: SeasonSummary) -> None:
        show(_page(summary, self._by, self._view, room()))


def _page(
    summary: SeasonSummary, by: Sequence[By], view: View, width: int | None
) -> Iterator[Text]:
    if not summary.modes:
        yield from packed(["no game that counts"], width)
    for place, mode in enumerate(summary.modes):
        if place:
            yield plain("")
        yield from packed(_headline(mode), width, "bold")
        if By.SERIES in by and mode.series:
            yield plain("")
            yield from _series_table(mode.series, width)
        for section in sections(view):
            for kind, lines in _member_tables(mode, section, width).items():
                if kind in by:
                    yield plain("")
                    yield from lines
    yield from _footnotes(summary, width)


def _headline(mode: ModeSummary) -> list[str]:
    days = sorted({game.date.date().isoformat() for game in mode.games if game.date})
    spans = [days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"] if days else []
    count = len(mode.games)
    return [mode.mode or "unknown mode", f"{count} {'game' if count == 1 else 'games'}", *spans]


def _series_table(series: Sequence[Series], width: int | None) -> list[Text]:
    columns = (
        TableColumn(heading="Series", least=20, most=60),
        TableColumn(heading="Best of", right=True, yields=1),
        TableColumn(heading="Date", yields=2),
        TableColumn(heading="Games", least=11, yields=3),
    )
    lines, _ = Grid(columns, [_series_row(each) for each in series]).lines(width)
    return lines


def _series_row(series: Series) -> tuple[Cell, ...]:
    start = series.games[0].date
    return (
        Cell(series.name),
        Cell(f"{series.best_of or ''}"),
        Cell(f"{start:%Y-%m-%d}" if start else ""),
        Cell(" ".join(_score(game, series) for game in series.games), "dim"),
    )


def _score(game: Game, series: Series) -> str:
    """Blue and orange in the order of the series' teams."""
    sides = game.sides if series.teams[0].fields(game.blue) else game.sides[::-1]
    return "-".join("?" if side.goals is None else f"{side.goals:g}" for side in sides)


def _member_tables(mode: ModeSummary, view: View, width: int | None) -> dict[By, list[Text]]:
    team_figures = _TEAM_CORE if view is View.CORE else FIGURES[view]
    figures = (*FIGURES[view], *MORE.get(view, ()))
    players = sorted(mode.players, key=_standing)
    return {
        By.TEAM: _table(
            # Not its rates and means: of a team these are sums over the players, as Ballchasing's.
            "Team",
            [(each.roster.label, each.record, each.totals) for each in mode.teams],
            team_figures,
            width,
        ),
        By.PLAYER: _table(
            "Player",
            [(each.name, each.record, each.totals) for each in players],
            figures,
            width,
        ),
    }


def _standing(player: PlayerTotals) -> tuple[float, float]:
    """Who played most comes first, of those the one with the most points a game."""
    score = player.totals.get("core.score")
    return -player.record.games, -(score.average if score else 0)


_Row = tuple[str, Record, Mapping[str, Total]]


def _table(
    heading: str, rows: Sequence[_Row], figures: Sequence[Figure], width: int | None
) -> list[Text]:
    shown = [figure for figure in figures if any(figure.stat in totals for *_, totals in rows)]
    columns = [
        TableColumn(heading=heading, least=_LEAST_NAME, most=_MOST_NAME),
        TableColumn(heading="Games", right=True),
        TableColumn(heading="Won", right=True),
        TableColumn(heading="Won", unit="%", right=True, yields=900),
    ]
    cells = [list(_record(name, record)) for name, record, _ in rows]
    for place, figure in enumerate(shown):
        columns.append(
            TableColumn(
                heading=figure.heading, unit=figure.unit, right=True, yields=800 - 10 * place
            )
        )
        column = [(totals.get(figure.stat), record.games) for _, record, totals in rows]
        for row, cell in zip(cells, _averages(column, figure), strict=True):
            row.append(cell)
    lines, _ = Grid(columns, cells).lines(width)
    return lines


def _record(name: str, record: Record) -> Iterator[Cell]:
    share = record.win_percentage
    yield Cell(name, "bold")
    yield Cell(f"{record.games}")
    yield Cell(f"{record.wins}" if record.decided else "")
    yield Cell("" if share is None else f"{share:.0f}")


def _averages(column: Sequence[tuple[Total | None, int]], figure: Figure) -> Iterator[Cell]:
    """A figure's cells, all with the same decimals."""
    largest = max(abs(total.average) for total, _ in column if total)
    small = 2 if figure.adds_up else max(1, figure.decimals)
    decimals = 0 if largest >= _LARGE and "%" not in figure.unit else small
    for total, games in column:
        if total is None:
            yield Cell("")
        else:
            yield Cell(f"{total.average:.{decimals}f}{_PARTLY if total.games < games else ''}")


def _is_partly_known(member: PlayerTotals | TeamTotals) -> bool:
    return any(total.games < member.record.games for total in member.totals.values())


def _footnotes(summary: SeasonSummary, width: int | None) -> Iterator[Text]:
    notes = ["averages of a game"] if summary.modes else []
    members: list[PlayerTotals | TeamTotals] = []
    for mode in summary.modes:
        members += mode.players
        members += mode.teams
    if any(map(_is_partly_known, members)):
        notes.append(f"{_PARTLY} not all games tell")
    if notes:
        yield plain("")
        yield from packed(notes, width, "dim")
    by_reason: defaultdict[str, list[LeftOut]] = defaultdict(list)
    for out in summary.left_out:
        by_reason[out.reason].append(out)
    for reason, outs in by_reason.items():
        names = [out.replay if width is None else file_name(out.replay, width) for out in outs]
        first, *others = names
        yield from packed([f"not counted, {reason}: {first}", *others], width, "dim")
