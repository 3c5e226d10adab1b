"""What a body says of its own fields: which of them stand there for their shape alone.

A parser may add a member ``fidelity`` to its data, with ``grades`` by path: ``duration``,
``players.stats.boost`` (of every player), ``teams.stats.core`` (of both teams). A path stands for
everything below it, and the longest one wins; ``unmeasured`` is the grade of all others. What is
graded ``absent`` is not known of this replay, whatever number stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from parsekit.body.reading import TEAMS, branch, text
from parsekit.model import JsonObject

_ABSENT = "absent"
#: The member that holds the grades; no grade is given of it.
_FIDELITY = "fidelity"
#: What stands deeper is taken as it is.
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Grades:
    """The grades of one body; of one without any, nothing is absent."""

    by_path: Mapping[str, object]
    unmeasured: object = None
    _asked: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """Read them; what is of another form counts as no grades."""
        return cls(branch(body, _FIDELITY, "grades"), branch(body, _FIDELITY).get("unmeasured"))

    def is_absent(self, path: str) -> bool:
        """Whether what stands at this path is not known."""
        if path not in self._asked:
            self._asked[path] = self.grade(path) == _ABSENT
        return self._asked[path]

    def grade(self, path: str) -> object:
        """The grade of what stands at this path, None where none is given."""
        while path:
            if path in self.by_path:
                return self.by_path[path]
            path = path.rpartition(".")[0]
        return self.unmeasured


def known(body: JsonObject) -> JsonObject:
    """A body without what it calls absent itself, and with its ``fidelity``."""
    grades = Grades.of(body)
    if not grades.by_path and grades.unmeasured is None:
        return body
    return {
        name: value
        if name == _FIDELITY
        else _known(value, "teams" if name in TEAMS else name, grades)
        for name, value in body.items()
        if isinstance(value, dict) or not grades.is_absent(name)
    }


def partial_stream(body: JsonObject) -> str | None:
    """How much of the recording was read, such as ``header only``; None for all of it."""
    stream = text(branch(body, _FIDELITY).get("stream"))
    return stream if stream != "whole" else None


def _known(value: object, path: str, grades: Grades, depth: int = 0) -> object:
    if path == "teams.players" and isinstance(value, list):
        return [_known(player, "players", grades, depth) for player in value]
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return value
    members = ((name, each, f"{path}.{name}") for name, each in value.items())
    return {
        name: _known(each, below, grades, depth + 1)
        for name, each, below in members
        if below == "teams.players" or isinstance(each, dict) or not grades.is_absent(below)
    }
