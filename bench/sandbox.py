"""What the sandbox of parsers costs: the first parse of a fresh child, and one in a warm child."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from parsekit.isolation import pool
from parsekit.isolation.pool import ChildPool
from parsekit.isolation.wire import Errand
from parsekit.model import Job, Parsed, Replay
from parsekit.providers import ProviderContext

ROUNDS, WARM = 15, 30
CHILDREN = {"confined": "parsekit.isolation.child", "unconfined": "bench.unconfined_child"}


class Nothing:
    """A parser that does nothing."""

    def __init__(self, context: ProviderContext) -> None:
        del context

    def parse(self, replay: Replay, job: Job) -> Parsed:
        """Answer at once."""
        del replay, job
        return Parsed(data={})


def main() -> None:
    """Print medians of both, which take turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in CHILDREN}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.replay"
        path.write_bytes(os.urandom(1_500_000))
        for _ in range(ROUNDS):
            for name, module in CHILDREN.items():
                times[name].append(_once(module, path))
    for place, what in enumerate(("first parse of a fresh child", "parse in a warm child")):
        confined, unconfined = (
            statistics.median(each[place] for each in times[name]) for name in CHILDREN
        )
        print(f"   {what}: {confined:.2f} ms, without the sandbox {unconfined:.2f} ms")


def _once(module: str, replay: Path) -> tuple[float, float]:
    """Milliseconds of the first parse, and of each that follows."""
    path = f"{Path(__file__).parent.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with (
        mock.patch.object(pool, "_CHILD", module),
        mock.patch.dict(os.environ, PYTHONPATH=path),
    ):
        children = ChildPool(1 << 30, recycle_after=100)
        try:
            parse = _parse(children, replay)
            return _timed(parse), statistics.median(_timed(parse) for _ in range(WARM))
        finally:
            children.close()


def _parse(children: ChildPool, replay: Path) -> Callable[[], object]:
    errand = Errand(
        parser="nothing",
        create=f"{__name__}:{Nothing.__name__}",
        context=ProviderContext(),
        replay=Replay(path=replay, name="a.replay", sha256="0" * 64, size_bytes=1_500_000),
        task_id="bench",
        bulk=False,
        has_fallback=False,
        parse_seconds=60,
        search_path=tuple(entry for entry in sys.path if entry),
    )
    return lambda: children.parse(errand, lambda _value, _message: None)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
