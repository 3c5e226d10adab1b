"""Matches for people: one in full, or a line each."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from parsekit.formats.match import MatchOverview, match_of
from parsekit.formats.scoreboard import scoreboard
from parsekit.model import Outcome
from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from rich.console import Console

#: Heading and width of the columns of a line a match; the name of the replay comes last.
_LINE = (("SCORE", 5), ("TIME", 6), ("DATE", 10), ("MODE", 16), ("MAP", 20))
_HEAD_WIDTH = sum(width + 2 for _, width in _LINE)
#: A name is never cut shorter than this, however narrow the terminal.
_MIN_NAME_WIDTH = 12
_UNKNOWN = ""


class MatchLines:
    """A line a match; failed replays are reported on standard error instead."""

    def __init__(self) -> None:
        self._headed = False

    def write(self, outcome: Outcome) -> None:
        """Print the line of a replay that was parsed, and the head before the first."""
        if not outcome.ok:
            return
        if not self._headed:
            _print(_line([heading for heading, _ in _LINE], "REPLAY"))
            self._headed = True
        match = match_of(outcome.data)
        day = (match.date or "")[:10] or None
        facts = (match.score, match.clock, day, match.mode, match.map)
        name = outcome.replay + (f" (stream: {match.stream})" if match.stream else "")
        _print(_line([fact or _UNKNOWN for fact in facts], _shortened(printable(name))))

    def close(self) -> None:
        """Nothing is open."""


class MatchDetail:
    """Everything worth seeing of one match: the head, both teams, their players."""

    def write(self, outcome: Outcome) -> None:
        """Print the match."""
        if outcome.ok:
            _print(_rendered(match_of(outcome.data), outcome))

    def close(self) -> None:
        """Nothing is open."""


def _rendered(match: MatchOverview, outcome: Outcome) -> str:
    from rich.console import Console  # noqa: PLC0415  (40 ms)

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    with console.capture() as text:
        for line in _head(match, outcome):
            console.print(line, soft_wrap=True)
        if any(team.players for team in match.teams):
            _print_scoreboard(match, console)
            if match.goals and match.goals != match.score:
                shown = f"final score {match.score}; the players' goals add up to {match.goals}"
                console.print(shown, soft_wrap=True)
        else:
            console.print("no players in these data; --format json shows all there is")
    return "\n".join(line.rstrip() for line in text.get().rstrip().splitlines())


def _print_scoreboard(match: MatchOverview, console: Console) -> None:
    from rich.console import ConsoleDimensions  # noqa: PLC0415  (40 ms)

    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    board = scoreboard(match, room)
    # Rich would cut numbers to fit a narrower console, and knows no size of a dumb terminal unless
    # both are set; a terminal wraps the lines instead.
    console.size = ConsoleDimensions(board.width, console.height)
    console.print(board.table)
    if board.left_out:
        text = f"no room for {', '.join(board.left_out)}; a wider terminal shows all"
        console.print(text, soft_wrap=True)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (this is the command's output)


def _line(cells: list[str], name: str) -> str:
    sized = (_sized(printable(cell), width) for cell, (_, width) in zip(cells, _LINE, strict=True))
    return "  ".join((*sized, name))


def _sized(text: str, width: int) -> str:
    """Exactly so many cells of a terminal; wide characters take two."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  (only tables need it)

    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)


def _shortened(name: str) -> str:
    """Keep the end of a long path, where the file's name stands; a pipe gets all of it."""
    from rich.cells import cell_len, chop_cells  # noqa: PLC0415

    if not sys.stdout.isatty():
        return name
    room = max(_MIN_NAME_WIDTH, shutil.get_terminal_size().columns - _HEAD_WIDTH)
    if cell_len(name) <= room:
        return name
    return "…" + chop_cells(name[::-1], room - 1)[0][::-1]


def _head(match: MatchOverview, outcome: Outcome) -> list[str]:
    stream = match.stream and f"stream: {match.stream}"
    facts = (match.map, match.mode, _with_zone(match.date or ""), match.clock, stream)
    source = f"{outcome.replay} · {outcome.parser_shown} {outcome.parser_version}"
    lines = [
        match.title or "",
        " · ".join(fact for fact in facts if fact),
        source + (" · from the cache" if outcome.cached else ""),
    ]
    return [printable(line) for line in lines if line]


def _with_zone(date: str) -> str:
    """Such as ``2026-03-10 18:55 UTC`` or ``… UTC+01:00``; another text as it is."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()
