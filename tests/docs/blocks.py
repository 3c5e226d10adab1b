"""The blocks of the pages, and what a comment before one says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages that people write; those of ``docs/reference`` hold no commands.
PAGES = sorted(
    page
    for pattern in ("README.md", "docs/*.md", "plugins/*/README.md", "plugins/*/docs/*.md")
    for page in ROOT.glob(pattern)
)
REFERENCE = sorted(ROOT.glob("docs/reference/*.md"))
#: What may stand in a comment on the line before a block, besides what it is called for a test.
NOT_RUN, RUN_BY, BESIDE, UNTIL, SHOWN = (
    *("not run: ", "run by ", "run: beside the next block", "run: until Ctrl-C", "shown: "),
)
_BLOCK = re.compile(
    r"(?:^[ ]*<!-- (?P<note>[^\n]*?) -->\n)?^(?P<indent>[ ]*)```(?P<language>[^\n]*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, its text without indent, its comment."""

    page: Path
    line: int
    language: str
    text: str
    note: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_left_out(self) -> bool:
        """Whether its comment says that it is not run here."""
        return self.note.startswith((NOT_RUN, RUN_BY))

    def commands(self) -> str:
        """What a user types of a console: lines behind ``$``, and those that they go on with."""
        typed, goes_on, end = [], False, ""
        for line in self.text.splitlines():
            if end:
                typed.append(line)
                end = "" if line == end else end
            elif goes_on or line.startswith("$ "):
                typed.append(line.removeprefix("$ "))
                here = re.search(r"<<'(\w+)'", line)
                end, goes_on = here[1] if here else "", line.endswith("\\")
        return "\n".join(typed) + "\n"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in their order."""
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        indent = found["indent"]
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=re.sub(rf"^{indent}", "", found["text"], flags=re.MULTILINE),
            note=found["note"] or "",
        )
