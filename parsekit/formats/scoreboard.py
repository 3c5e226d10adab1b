"""Both teams and their players, in as many columns as the terminal has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from parsekit.formats.match import MatchOverview, PlayerOverview, Team
from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from rich.table import Table

#: A longer name would push the figures out of a terminal of 80 columns.
_MAX_NAME_WIDTH = 28
#: Figures are left out before names are cut shorter than this.
_MIN_NAME_WIDTH = 12
#: Left out last: less is no scoreboard, so the terminal has to wrap these.
_MIN_FIGURES = 2
_UNKNOWN = ""


class _Figure(NamedTuple):
    """One column of numbers."""

    heading: str
    of: Callable[[PlayerOverview], float | None]


#: What a narrow terminal has no room for is left out from the end.
_FIGURES = (
    _Figure("Score", attrgetter("score")),
    _Figure("Goals", attrgetter("goals")),
    _Figure("Assists", attrgetter("assists")),
    _Figure("Saves", attrgetter("saves")),
    _Figure("Shots", attrgetter("shots")),
    _Figure("Boost/min", attrgetter("bpm")),
    _Figure("Speed", attrgetter("speed")),
)
#: Shown only where the parser answers them.
_EXTRA = ("Boost/min", "Speed")


class _Row(NamedTuple):
    """A team or a player; ``figures`` are as many as there are columns of numbers."""

    name: str
    figures: tuple[str, ...]
    is_team: bool


class Scoreboard(NamedTuple):
    """The table, its width in cells, and the headings that there was no room for."""

    table: Table
    width: int
    left_out: tuple[str, ...]


def scoreboard(match: MatchOverview, room: int | None) -> Scoreboard:
    """Lay it out in ``room`` cells, None for any number; a number is whole or not there."""
    figures = _answered(match)
    rows = _rows(match, figures)
    widths = _figure_widths(figures, rows)
    name_width = min(_MAX_NAME_WIDTH, _longest_name(rows))
    shown = len(figures)
    if room is not None:
        shown = _how_many_fit(room, widths, min(_MIN_NAME_WIDTH, name_width))
        name_width = _name_width(room, widths[:shown], name_width)
    return Scoreboard(
        table=_table(figures[:shown], rows, name_width, widths[:shown]),
        width=_width(name_width, widths[:shown]),
        left_out=tuple(figure.heading for figure in figures[shown:]),
    )


def _answered(match: MatchOverview) -> list[_Figure]:
    players = [player for team in match.teams for player in team.players]
    return [
        figure
        for figure in _FIGURES
        if figure.heading not in _EXTRA or any(figure.of(p) is not None for p in players)
    ]


def _rows(match: MatchOverview, figures: Sequence[_Figure]) -> list[_Row]:
    rows = []
    for team in match.teams:
        score = (_shown(team.score) if figure.heading == "Goals" else "" for figure in figures)
        rows.append(_Row(_team_name(team), tuple(score), is_team=True))
        for player in team.players:
            numbers = (_shown(figure.of(player)) for figure in figures)
            rows.append(_Row(_player_name(player), tuple(numbers), is_team=False))
    return rows


def _figure_widths(figures: Sequence[_Figure], rows: Sequence[_Row]) -> list[int]:
    columns = zip(*(row.figures for row in rows), strict=True)
    return [
        max(len(figure.heading), *map(len, cells))
        for figure, cells in zip(figures, columns, strict=True)
    ]


def _longest_name(rows: Sequence[_Row]) -> int:
    from rich.cells import cell_len  # noqa: PLC0415  (only tables need it)

    return max(cell_len(row.name) for row in rows)


def _how_many_fit(room: int, widths: Sequence[int], name_width: int) -> int:
    shown = len(widths)
    while shown > _MIN_FIGURES and _width(name_width, widths[:shown]) > room:
        shown -= 1
    return shown


def _name_width(room: int, widths: Sequence[int], wanted: int) -> int:
    spare = room - _width(0, widths)
    return min(wanted, max(_MIN_NAME_WIDTH, spare))


def _width(name_width: int, widths: Sequence[int]) -> int:
    """Of the table: Rich puts a blank at either end, and one between two columns."""
    return name_width + sum(widths) + len(widths) + 2


def _table(
    figures: Sequence[_Figure], rows: Sequence[_Row], name_width: int, widths: Sequence[int]
) -> Table:
    from rich import box  # noqa: PLC0415  (40 ms)
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("Player", width=name_width, overflow="ellipsis", no_wrap=True)
    for figure, width in zip(figures, widths, strict=True):
        table.add_column(figure.heading, width=width, justify="right", no_wrap=True)
    for row in rows:
        style = "bold" if row.is_team else None
        table.add_row(row.name, *row.figures[: len(figures)], style=style)
    return table


def _team_name(team: Team) -> str:
    name = team.color.upper()
    return printable(f"{name} {team.name}" if team.name else name)


def _player_name(player: PlayerOverview) -> str:
    return f"  {printable(player.name)}{' (MVP)' if player.mvp else ''}"


def _shown(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.0f}"
