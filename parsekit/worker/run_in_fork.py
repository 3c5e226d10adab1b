"""Try in a process of its own what the children of a pool will make.

The parent keeps nothing of it, neither a connection nor a thread, so those that are forked later
inherit none.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def run_in_fork(make: Callable[[], None]) -> None:
    """Call a function of a module in a fork that ends with it. Raises what it raises."""
    with ProcessPoolExecutor(1, get_context("fork")) as apart:
        apart.submit(make).result()
