"""A folder for people: a line a match, who played first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsekit.formats.grid import Cell, Layout, TableColumn, fitted, line_of, on_one_line
from parsekit.formats.match import MatchOverview, Team, match_of
from parsekit.formats.screen import TEAM_STYLES, file_name, name_list, room, show
from parsekit.model import Outcome

if TYPE_CHECKING:
    from rich.text import Text

#: In the order of a line; MAP gives way first, who played and the file never.
_COLUMNS = (
    TableColumn(heading="BLUE", least=16, most=28),
    TableColumn(heading="SCORE", least=5, most=5),
    TableColumn(heading="ORANGE", least=16, most=28),
    TableColumn(heading="FILE", least=14, most=40),
    TableColumn(heading="DATE", least=10, most=10, yields=4),
    TableColumn(heading="TIME", least=6, most=6, yields=3),
    TableColumn(heading="MODE", least=12, most=20, yields=2),
    TableColumn(heading="MAP", least=8, most=26, yields=1),
)
_WIDEST = [column.most or 0 for column in _COLUMNS]
_NAMES, _FILE = (0, 2), 3
_UNKNOWN = "?"


class MatchLines:
    """A line a match; failed replays are reported on standard error instead.

    Lines come one by one, so the terminal alone says how wide the columns are.
    """

    def __init__(self) -> None:
        self._headed = False

    def write(self, outcome: Outcome) -> None:
        """Print the line of a replay that was parsed, and the head before the first."""
        if not outcome.ok:
            return
        width = room()
        layout = fitted(_COLUMNS, _WIDEST, width)
        rows = [_row(match_of(outcome.data), outcome, layout, is_cut=width is not None)]
        if not self._headed:
            self._headed = True
            rows.insert(0, [Cell(column.heading, "bold") for column in _COLUMNS])
        show(_line(row, layout, width) for row in rows)

    def close(self) -> None:
        """Nothing is open."""


def _line(cells: list[Cell], layout: Layout, room: int | None) -> Text:
    from rich.cells import cell_len  # noqa: PLC0415  (40 ms)

    shown = [Cell(on_one_line(cells[at].text, room), cells[at].style) for at in layout.places]
    columns = [_COLUMNS[at] for at in layout.places]
    if room is not None:
        return line_of(shown, columns, layout.widths)
    # A pipe gets everything whole, so a long cell pushes the others.
    wide = (max(width, cell_len(c.text)) for width, c in zip(layout.widths, shown, strict=True))
    return line_of(shown, columns, tuple(wide))


def _row(match: MatchOverview, outcome: Outcome, layout: Layout, *, is_cut: bool) -> list[Cell]:
    widths = dict(zip(layout.places, layout.widths, strict=True)) if is_cut else {}
    blue, orange = match.teams
    names = [
        name_list(_names(team), widths.get(place))
        for team, place in zip((blue, orange), _NAMES, strict=True)
    ]
    return [
        Cell(names[0], _style(blue)),
        Cell(match.score or _UNKNOWN, "bold"),
        Cell(names[1], _style(orange)),
        Cell(file_name(outcome.replay, widths[_FILE]) if is_cut else outcome.replay),
        Cell(match.day or "", "dim"),
        Cell(match.clock or "", "dim"),
        Cell(match.stream or match.short_mode or ""),
        Cell(match.map or "", "dim"),
    ]


def _names(team: Team) -> list[str]:
    """The club, else who played, who stayed first; bots where nobody else did."""
    if team.name:
        return [team.name]
    humans = [player for player in team.players if not player.is_bot]
    return [player.name for player in sorted(humans or team.players, key=lambda p: not p.was_whole)]


def _style(team: Team) -> str:
    return f"{'bold ' if team.won else ''}{TEAM_STYLES[team.color]}"
