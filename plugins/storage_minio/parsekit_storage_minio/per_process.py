"""Things that a fork would break, made anew in every process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes its value when it is first asked for in a process.

    Two threads may both make one, and one of the two stays: no lock is held that a fork in the
    wrong moment would leave locked for ever in the child.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None
        self._inherited: list[T] = []

    def get(self) -> T:
        """This process's own value."""
        made = self._made
        if made is None or made[0] != os.getpid():
            if made is not None:
                # the parent's must not be ended here: its threads do not exist in this process
                self._inherited.append(made[1])
            made = self._made = (os.getpid(), self._make())
        return made[1]

    def drop(self) -> None:
        """Let go of this process's value."""
        if self._made is not None and self._made[0] == os.getpid():
            self._made = None
