"""What a process a replay costs, and of that the sandbox: the first parse, and those after it."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from parsekit.model import Job, Parsed, Replay
from parsekit.parsers.isolation import server_process
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.providers import ProviderContext

ROUNDS, WARM = 15, 30
SERVERS = {
    "confined": "parsekit.parsers.isolation.fork_server",
    "unconfined": "bench.unconfined_server",
}


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
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.replay"
        path.write_bytes(os.urandom(1_500_000))
        for _ in range(ROUNDS):
            for name, module in SERVERS.items():
                times[name].append(_once(module, path))
    for place, what in enumerate(
        ("first parse, which starts the fork server", "each parse after it")
    ):
        confined, unconfined = (
            statistics.median(each[place] for each in times[name]) for name in SERVERS
        )
        print(f"   {what}: {confined:.2f} ms, without the sandbox {unconfined:.2f} ms")


def _once(module: str, replay: Path) -> tuple[float, float]:
    """Milliseconds of the first parse, and of each that follows."""
    path = f"{Path(__file__).parent.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with (
        mock.patch.object(server_process, "_PROGRAM", module),
        mock.patch.dict(os.environ, PYTHONPATH=path),
    ):
        pool = ParsePool(1 << 30)
        try:
            parse = _parse(pool, replay)
            return _timed(parse), statistics.median(_timed(parse) for _ in range(WARM))
        finally:
            pool.close()


def _parse(pool: ParsePool, replay: Path) -> Callable[[], object]:
    spec = ParserSpec(
        parser="nothing",
        create=f"{__name__}:{Nothing.__name__}",
        context=ProviderContext(),
        search_path=tuple(entry for entry in sys.path if entry),
    )
    request = ParseRequest(
        replay=Replay(path=replay, name="a.replay", sha256="0" * 64, size_bytes=1_500_000),
        task_id="bench",
        bulk=False,
        has_fallback=False,
        parse_seconds=60,
    )
    return lambda: pool.parse(spec, request, lambda _value, _message: None)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
