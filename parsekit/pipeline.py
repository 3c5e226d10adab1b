"""One replay from request to outcome: look up, fetch, check, parse, store, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsekit.model import Outcome, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The task goes on later: call `Pipeline.run` again with ``state`` in ``after_s`` seconds.

    ``state`` is small JSON and enough for any worker on any machine.
    """

    state: Mapping[str, Any]
    after_s: float
    reason: str


class Pipeline:
    """The road that every driver takes. Used from several threads at once."""

    def run(self, request: Request, state: Mapping[str, Any] | None = None) -> Outcome | Waiting:
        """Go as far as possible now. Raises nothing that a replay, a caller or a plugin can cause."""
        raise NotImplementedError
