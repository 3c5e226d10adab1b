"""Tables that fit a terminal: no line ever breaks, and a number is whole or its column left out.

Widths are cells of a terminal, of which wide characters take two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from rich.text import Text

#: Between two columns.
_GAP = "  "
#: Above every `TableColumn.yields`.
_NEVER = 1_000_000
#: Joins emoji, or asks for one: terminals differ in the width of what comes of it.
_JOINERS = str.maketrans("", "", "\u200d\ufe0e\ufe0f")


class Cell(NamedTuple):
    """Text, which may be anybody's, and Rich's name of a style."""

    text: str
    style: str = ""


EMPTY = Cell("")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """How a column takes its place.

    ``least`` is the width to which it may be cut, None for one that is whole or left out; ``most``
    the width beyond which it is cut in any case. ``yields``: what is low gives way first, both in
    being cut and in being left out; 0 stays.
    """

    heading: str
    unit: str = ""
    right: bool = False
    least: int | None = None
    most: int | None = None
    yields: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that are shown, by their places, with their widths."""

    places: tuple[int, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]


class Grid:
    """Columns and rows; each row has a cell a column."""

    def __init__(self, columns: Sequence[TableColumn], rows: Sequence[Sequence[Cell]]) -> None:
        self._columns = columns
        self._rows = rows

    def lines(self, room: int | None) -> tuple[list[Text], tuple[str, ...]]:
        """The head, the units where there are any, and the rows; and the headings left out.

        ``room`` None: as wide as it is.
        """
        texts = [[Cell(on_one_line(c.text, room), c.style) for c in row] for row in self._rows]
        layout = fitted(self._columns, _natural_widths(self._columns, texts), room)
        shown = [self._columns[place] for place in layout.places]
        head = [Cell(column.heading, "bold") for column in shown]
        units = [Cell(column.unit, "dim") for column in shown]
        rows = [[row[place] for place in layout.places] for row in texts]
        body = [head, *([units] if any(column.unit for column in shown) else []), *rows]
        return [line_of(row, shown, layout.widths) for row in body], layout.left_out


def _natural_widths(columns: Sequence[TableColumn], rows: Sequence[Sequence[Cell]]) -> list[int]:
    from rich.cells import cell_len  # noqa: PLC0415  (40 ms)

    widths = [max(cell_len(column.heading), cell_len(column.unit)) for column in columns]
    for row in rows:
        widths = [max(pair) for pair in zip(widths, (cell_len(c.text) for c in row), strict=True)]
    return widths


def on_one_line(text: str, room: int | None) -> str:
    """Text made harmless; where room counts, as every terminal shows it in the same width.

    So emoji that are joined there stand one by one.
    """
    return printable(text) if room is None else printable(text).translate(_JOINERS)


def fitted(columns: Sequence[TableColumn], natural: Sequence[int], room: int | None) -> Layout:
    """Find the columns that there is room for, and the widths of those."""
    most = [
        min(width, column.most) if column.most else width
        for column, width in zip(columns, natural, strict=True)
    ]
    least = [
        width if column.least is None else min(width, column.least)
        for column, width in zip(columns, most, strict=True)
    ]
    shown = list(range(len(columns)))
    out: list[int] = []
    while room is not None and _total(least, shown) > room:
        yielding = [place for place in shown if columns[place].yields]
        if not yielding:
            break
        # Of columns that yield alike the last goes.
        gone = min(yielding, key=lambda place: (columns[place].yields, -place))
        shown.remove(gone)
        out.append(gone)
    widths = {place: least[place] for place in shown}
    spare = sum(most[place] for place in shown) if room is None else room - _total(least, shown)
    # What stays longest grows first, columns that yield alike side by side.
    for rank in sorted({columns[place].yields or _NEVER for place in shown}, reverse=True):
        alike = [place for place in shown if (columns[place].yields or _NEVER) == rank]
        while spare > 0 and (growing := [p for p in alike if widths[p] < most[p]]):
            for place in growing[:spare]:
                widths[place] += 1
                spare -= 1
    return Layout(
        places=tuple(shown),
        widths=tuple(widths[place] for place in shown),
        left_out=tuple(columns[place].heading for place in sorted(out)),
    )


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[place] for place in shown) + len(_GAP) * max(0, len(shown) - 1)


def cut(text: str, width: int) -> str:
    """The text in so many cells at most, its end given up for a sign that it was cut."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  (40 ms)

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def line_of(cells: Sequence[Cell], columns: Sequence[TableColumn], widths: Sequence[int]) -> Text:
    """One line; what is wider than its column is cut."""
    from rich.cells import cell_len  # noqa: PLC0415  (40 ms)
    from rich.text import Text  # noqa: PLC0415

    line = Text()
    for place, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        text = cut(cell.text, width)
        padding = " " * (width - cell_len(text))
        line.append(_GAP if place else "")
        line.append(padding if column.right else "")
        line.append(text, cell.style)
        line.append("" if column.right else padding)
    line.rstrip()
    return line
