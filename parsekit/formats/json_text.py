"""Outcomes as JSON: one object a line, or one array that grows as results come.

The text is ASCII: it survives any locale, and an escape sequence in a player's name is harmless on
a terminal.
"""

from __future__ import annotations

import json
from typing import TextIO

from parsekit.model import Outcome

# made once, as `json.dumps` with options makes its own anew for each call
_encode = json.JSONEncoder(separators=(",", ":")).encode


def line_of(outcome: Outcome) -> str:
    """The published object of one outcome, without a line break in it."""
    members, text = outcome.to_json(), outcome.data_text
    if text is None or not (text.isascii() and text.isprintable()):  # of another writer
        return _encode(members)
    parts = (
        f'"{name}":{text if name == "data" else _encode(value)}' for name, value in members.items()
    )
    return f"{{{','.join(parts)}}}"


class JsonLinesWriter:
    """One object a line, for failed replays too."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, outcome: Outcome) -> None:
        """Write a line and let readers have it at once."""
        print(line_of(outcome), file=self._out, flush=True)

    def close(self) -> None:
        """Nothing is open."""


class JsonArray:
    """One array over all outcomes; it is closed whatever happens, so that it always parses."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before = "[\n"

    def write(self, outcome: Outcome) -> None:
        """Write an element."""
        print(self._before + line_of(outcome), end="", file=self._out, flush=True)
        self._before = ",\n"

    def close(self) -> None:
        """Close the array; an empty one is ``[]``."""
        print("[]" if self._before.startswith("[") else "\n]", file=self._out, flush=True)
