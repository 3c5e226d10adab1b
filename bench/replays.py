"""Header only, full parse and cache hit, as ratios to the bare library call.

The bare call is `subtr_actor.parse_replay(bytes)` in a process of its own that stays alive, as the
road's child does. Each round runs all of them once; printed are medians over rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import subtr_actor

from bench.data import replays
from parsekit.api import open_pipeline, open_session
from parsekit.host.host import Host
from parsekit.model import Request
from parsekit.pipeline.drive import drive
from parsekit.pipeline.pipeline import Pipeline
from parsekit.replay import check_envelope
from parsekit_local.header.reader import read_header

ROUNDS = 7


def bare(path: Path) -> None:
    """What the library alone does, dictionaries made and thrown away."""
    subtr_actor.parse_replay(path.read_bytes())


def main() -> None:
    """Print a line a replay."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1) as alone,
        open_road(Path(folder)) as road,
    ):
        titles = f"{'envelope':>9} {'header':>8} {'parse':>7} {'hit':>7}"
        print(f"{'replay':42} {'bare call':>10} {titles}")
        for path in replays():
            print(line(path, alone, road))


def open_road(folder: Path) -> AbstractContextManager[Pipeline]:
    """The pipeline of a command line, with its data in a folder of its own."""
    host = Host.load()
    return open_pipeline(open_session(host=host, data_dir=folder), host)


def line(path: Path, alone: ProcessPoolExecutor, road: Pipeline) -> str:
    """Medians for one replay."""
    things: dict[str, Callable[[], object]] = {
        "bare": lambda: alone.submit(bare, path).result(),
        "envelope": lambda: check_envelope(path, max_bytes=32 << 20),
        "header": lambda: read_header(path),
        "parse": lambda: parse(road, path, disable_cache=True),
        "hit": lambda: parse(road, path, disable_cache=False),
    }
    rounds = [{name: timed(thing) for name, thing in things.items()} for _ in range(ROUNDS)]
    median = {name: statistics.median(r[name] for r in rounds) for name in things}
    base = median["bare"]
    ratios = " ".join(
        f"{median[name] / base:{width}.3f}"
        for name, width in (("envelope", 9), ("header", 8), ("parse", 7), ("hit", 7))
    )
    return f"{path.name:42} {base * 1000:7.1f} ms {ratios}"


def parse(road: Pipeline, path: Path, *, disable_cache: bool) -> None:
    """One replay on the whole road."""
    request = Request(
        replay=str(path), place="local", task_id=str(uuid.uuid4()), disable_cache=disable_cache
    )
    outcome = drive(road, request)
    if not outcome.ok or outcome.cached == disable_cache:
        raise RuntimeError(f"{path}: {outcome.failure}")


def timed(thing: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    thing()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
