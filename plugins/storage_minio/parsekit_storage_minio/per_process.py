"""Things that a fork would break, made anew in every process."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes its value when it is first asked for in a process, once however many threads ask.

    Where each of a worker's threads made one, the first tasks would wait several seconds for it.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: tuple[int, T] | None = None
        self._inherited: list[T] = []
        _ALL.add(self)

    def get(self) -> T:
        """This process's own value."""
        made = self._made
        if made is None or made[0] != os.getpid():
            with self._making:
                made = self._own()
        return made[1]

    def drop(self) -> None:
        """Let go of this process's value."""
        if self._made is not None and self._made[0] == os.getpid():
            self._made = None

    def begin_anew(self) -> None:
        """In a forked child: a thread of the parent may hold the lock, and isn't here to let go."""
        self._making = threading.Lock()

    def _own(self) -> tuple[int, T]:
        made = self._made
        if made is None or made[0] != os.getpid():
            if made is not None:
                # the parent's must not be ended here: its threads do not exist in this process
                self._inherited.append(made[1])
            made = self._made = (os.getpid(), self._make())
        return made


_ALL: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


def _begin_anew() -> None:
    for each in tuple(_ALL):
        each.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
