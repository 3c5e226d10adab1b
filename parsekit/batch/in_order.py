"""Many replays at once, answered in the order in which they came, in flat memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: So many items a job are begun before the oldest is answered: a slow one does not idle the others.
WINDOW_PER_JOB = 2


def in_order(
    work: Callable[[Item], Answer], items: Iterable[Item], *, jobs: int, stop: Event
) -> Iterator[Answer]:
    """Work on ``jobs`` items at a time; answers come in the order of the items.

    Items are taken as they are needed. Once ``stop`` is set no item is begun; what runs is
    finished and answered. ``work`` decides what becomes of its own errors: one that it raises ends
    all, as does whoever asks for no more answers, and sets ``stop``.
    """

    def begin(item: Item) -> Answer:
        if stop.is_set():
            raise _NotBegun
        return work(item)

    supply = iter(items)
    waiting: deque[Future[Answer]] = deque()
    with (
        ThreadPoolExecutor(jobs, thread_name_prefix="parsekit-job") as pool,
        _stopping(stop),
    ):
        while True:
            if not stop.is_set():
                room = jobs * WINDOW_PER_JOB - len(waiting)
                waiting.extend(pool.submit(begin, item) for item in islice(supply, room))
            if not waiting:
                return
            try:
                answer = waiting.popleft().result()
            except _NotBegun:
                continue
            yield answer


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """Have nothing begun any more when the block is broken off; what runs is waited for."""
    try:
        yield
    except BaseException:
        stop.set()
        raise


class _NotBegun(Exception):
    """The item was still queued when the work was stopped."""
