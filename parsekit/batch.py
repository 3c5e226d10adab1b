"""Many replays at once, answered in the order in which they came, in flat memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
    finished and answered. ``work`` decides what becomes of its own errors.
    """
    waiting: deque[Future[Answer]] = deque()
    supply = iter(items)
    with ThreadPoolExecutor(jobs, thread_name_prefix="parsekit-job") as pool:
        try:
            while not stop.is_set():
                begun = [pool.submit(work, item) for item in islice(supply, _room(waiting, jobs))]
                waiting.extend(begun)
                if not waiting:
                    return
                yield waiting.popleft().result()
            yield from _finished(waiting)
        finally:
            for future in waiting:
                future.cancel()


def _room(waiting: deque[Future[Answer]], jobs: int) -> int:
    return jobs * WINDOW_PER_JOB - len(waiting)


def _finished(waiting: deque[Future[Answer]]) -> Iterator[Answer]:
    """Answer what had begun; what was only queued never begins."""
    for future in reversed(waiting):
        future.cancel()
    while waiting:
        future = waiting.popleft()
        if not future.cancelled():
            yield future.result()
