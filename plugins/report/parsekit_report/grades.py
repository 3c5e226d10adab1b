"""How sure a number is: the grades that a parser gives its own fields.

A body may have a member ``fidelity`` with ``grades`` by path: ``players.stats.boost`` (of every
player), ``teams.stats.core`` (of both teams). A path stands for everything below it, and the
longest one wins; ``unmeasured`` is the grade of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from parsekit import JsonObject

ABSENT = "absent"
UNGRADED = "ungraded"
#: Word of each grade, its sign, and what it means.
MEANINGS: Mapping[str, tuple[str, str]] = {
    "exact": ("●", "Ballchasing's digits, in at least 98 % of the values compared"),
    "close": ("◐", "within 1 % of Ballchasing's, in at least 95 % of the values compared"),
    "approximate": ("○", "computed by a rule whose agreement is lower or not measured"),
    UNGRADED: ("·", "the parser does not say how sure it is"),
    ABSENT: ("–", "not in this replay: unknown, which is not 0"),
}


@dataclass(frozen=True, slots=True)
class FieldGrades:
    """The grades of one body. ``card`` names the measurement they come from."""

    by_path: Mapping[str, object]
    unmeasured: object = None
    card: str = ""

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """Read them; what is of another form counts as no grades."""
        fidelity = body.get("fidelity")
        fidelity = fidelity if isinstance(fidelity, dict) else {}
        grades, card = fidelity.get("grades"), fidelity.get("card")
        return cls(
            grades if isinstance(grades, dict) else {},
            fidelity.get("unmeasured"),
            card if isinstance(card, str) else "",
        )

    def at(self, path: str) -> str:
        """The grade of what stands at this path, one of `MEANINGS`."""
        while path:
            if path in self.by_path:
                return _word(self.by_path[path])
            path = path.rpartition(".")[0]
        return _word(self.unmeasured)


def _word(grade: object) -> str:
    return grade if isinstance(grade, str) and grade in MEANINGS else UNGRADED
