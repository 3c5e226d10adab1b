"""Lines for people on standard output: colours on a terminal, plain text in a pipe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from parsekit.formats.grid import cut, on_one_line

if TYPE_CHECKING:
    from rich.text import Text

#: Both are read on dark and on light ground; a terminal of few colours gets the nearest.
TEAM_STYLES = {"blue": "color(33)", "orange": "color(208)"}
#: A name that is cut shorter says nothing.
_SHORTEST_NAME = 5
#: Between facts on one line.
_DOT = " · "


def room() -> int | None:
    """Cells of a line of the terminal; None where standard output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show(lines: Iterable[Text]) -> None:
    """Print lines as they are; `rich` takes colours away for ``NO_COLOR`` and in a pipe."""
    from rich.console import Console  # noqa: PLC0415  (40 ms)

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for line in lines:
            console.print(line, soft_wrap=True)
    print(captured.get(), end="", flush=True)  # noqa: T201  (this is the command's output)


def plain(text: str, style: str = "") -> Text:
    """A line of text that is harmless already, as wide as it is."""
    from rich.text import Text  # noqa: PLC0415

    return Text(text, style)


def packed(facts: Sequence[str], width: int | None, style: str = "") -> list[Text]:
    """Facts side by side, on as many lines as they need; one too long for a line is cut."""
    from rich.cells import cell_len  # noqa: PLC0415

    lines: list[str] = []
    for fact in facts:
        shown = on_one_line(fact, width)
        shown = shown if width is None else cut(shown, width)
        longer = f"{lines[-1]}{_DOT}{shown}" if lines else shown
        if lines and (width is None or cell_len(longer) <= width):
            lines[-1] = longer
        else:
            lines.append(shown)
    return [plain(line, style) for line in lines]


def tail(path: str, width: int | None) -> str:
    """A path whose end, where the file's name stands, is kept."""
    from rich.cells import cell_len  # noqa: PLC0415

    shown = on_one_line(path, width)
    if width is None or cell_len(shown) <= width:
        return shown
    kept = shown
    while kept and cell_len(kept) > width - 1:
        kept = kept[1:]
    return f"…{kept}"


def file_name(path: str, width: int) -> str:
    """A file's name with its folder, alone, without its ending, or with a gap: what fits."""
    from rich.cells import cell_len  # noqa: PLC0415

    parts = on_one_line(path, width).rstrip("/").rsplit("/", 2)
    stem = parts[-1].removesuffix(".replay")
    for shown in ("/".join(parts[-2:]), parts[-1], stem):
        if cell_len(shown) <= width:
            return shown.removeprefix("./")
    half = max(1, width // 2)
    return cut(stem, half) + tail(stem, width - half + 1).removeprefix("…")


def name_list(names: Sequence[str], width: int | None) -> str:
    """Names side by side, the long ones cut alike; of too many, how many more there are."""
    from rich.cells import cell_len  # noqa: PLC0415

    shown = [on_one_line(name, width) for name in names]
    if width is None:
        return ", ".join(shown)
    for count in range(len(shown), 0, -1):
        more = f", +{len(shown) - count}" if count < len(shown) else ""
        left = width - len(more) - 2 * (count - 1)
        longest = max(map(cell_len, shown[:count]))
        fitting = (
            most
            for most in range(longest, 0, -1)
            if sum(min(most, cell_len(name)) for name in shown[:count]) <= left
        )
        most = next(fitting, 0)
        if most >= min(longest, _SHORTEST_NAME) or count == 1:
            return ", ".join(cut(name, most) for name in shown[:count]) + more
    return ""
