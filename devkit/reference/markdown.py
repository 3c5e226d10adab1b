"""Tables and texts of docstrings, as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

_RST_CODE = re.compile(r"``(.+?)``", re.DOTALL)
_DOCTEST = re.compile(r"^>>> .*(?:\n.+)*\n", re.MULTILINE)
_SKIP = re.compile(r"\s*# doctest: \+SKIP")
_RST_BLOCK = re.compile(r"::\n\n((?:(?: {4}.*)?\n)+)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are texts of one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: object) -> str:
    """The text as code, "" for nothing."""
    return f"`{text}`" if str(text) else ""


def prose(docstring: str | None) -> str:
    """A docstring's paragraphs; its code as Markdown has it."""
    text = _RST_CODE.sub(r"`\1`", inspect.cleandoc(docstring or "") + "\n")
    text = _DOCTEST.sub(lambda block: fence("pycon", _SKIP.sub("", block[0])) + "\n", text)
    return _RST_BLOCK.sub(lambda block: ":\n\n" + fence("text", block[1]) + "\n\n", text).strip()


def fence(kind: str, text: str) -> str:
    """A block of code."""
    return f"```{kind}\n{inspect.cleandoc(chr(10) + text)}\n```"


def sentence(text: str) -> str:
    """The first paragraph on one line, as a sentence that begins with a capital."""
    line = " ".join(prose(text).partition("\n\n")[0].split())
    return line[:1].upper() + line[1:]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
