"""A finished body against the bare library call, the library's own statistics, and another parser.

Contenders are processes that stay alive, as the road's child does, and take turns; printed are
medians, as ratios to the bare ``subtr_actor.parse_replay(bytes)`` of the same run. Memory is the
peak of fresh processes. Then what a second child brings, and the native reader beside the
dictionary reader.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import subtr_actor

from bench import readers
from bench.batch import peak_of
from bench.data import replays
from bench.replays import bare, open_road, parse, timed
from parsekit import Job, JsonObject, ProviderContext, Replay
from parsekit.pipeline.pipeline import Pipeline
from parsekit.testing.replays.file import believable_match, write_replay
from parsekit_local.parser import LocalParser

ROUNDS = 5
#: Those that take many seconds are in the first rounds only.
SLOW, SLOW_ROUNDS = ("summed", "sprocket"), 2
#: How many replays one child parses, and then two at once; each one is another, as only the first
#: of the same would be parsed.
SHARED, SHARED_ROUNDS = 12, 3
FRAMES = 6000
#: sprocket-rl-parser pins its dependencies: ``make bench`` gives it an environment of its own.
OTHER_PYTHON = Path(__file__).parents[1] / ".cache/bench-venv/bin/python"

_OTHER_SERVER = """
import sys, carball
print(flush=True)
for line in sys.stdin:
    carball.analyze_replay_file(line.rstrip(), logging_level=50)
    print(flush=True)
"""
_BARE_ONCE = """
import sys, subtr_actor
from pathlib import Path
subtr_actor.parse_replay(Path(sys.argv[1]).read_bytes())
"""
_BODY_ONCE = """
import sys
from pathlib import Path
from parsekit import Job, ProviderContext, Replay
from parsekit_local.parser import LocalParser
path = Path(sys.argv[1])
replay = Replay(path=path, name=path.name, sha256="0" * 64, size_bytes=path.stat().st_size)
LocalParser(ProviderContext()).parse(replay, Job(task_id="bench"))
"""
_OWN_PEAK = """
print(next(line for line in open("/proc/self/status") if "VmHWM" in line).split()[1])
"""

Call = Callable[[Path], object]


def main() -> None:
    """Print times, peaks of memory, and the gain of a second child."""
    with contenders() as calls:
        names = [name for name in calls if name != "bare"]
        print(f"{'time':42} {'bare call':>10}", *(f"{name:>8}" for name in names))
        for path in replays()[:3]:
            print(time_line(path, calls))
    print(f"{'peak memory':42} {'bare call':>10} {'parser':>8} {'road':>8}")
    for path in replays()[:3]:
        print(memory_line(path))
    print(scaling_line())
    readers.main()


@contextmanager
def contenders() -> Iterator[Mapping[str, Call]]:
    """What is measured, by the name of its column."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1) as alone,
        open_road(Path(folder)) as road,
        other_parser() as analysed,
    ):
        yield {
            "bare": lambda path: alone.submit(bare, path).result(),
            "parser": lambda path: alone.submit(body, path).result(),
            "road": lambda path: parse(road, path, disable_cache=True),
            "summed": lambda path: alone.submit(summed, path).result(),
            **analysed,
        }


def body(path: Path) -> JsonObject:
    """A finished body, without the host."""
    content = path.read_bytes()
    replay = Replay(
        path=path, name=path.name, sha256=sha256(content).hexdigest(), size_bytes=len(content)
    )
    return LocalParser(ProviderContext()).parse(replay, Job(task_id="bench")).data


def summed(path: Path) -> None:
    """The statistics that the library computes itself."""
    subtr_actor.get_summed_stats(path)


@contextmanager
def other_parser() -> Iterator[Mapping[str, Call]]:
    """sprocket-rl-parser's full analysis; nothing where it can't be installed."""
    if not OTHER_PYTHON.exists():
        print("sprocket-rl-parser is not installed (see `make bench`): left out")
        yield {}
        return
    with subprocess.Popen(
        [OTHER_PYTHON, "-c", _OTHER_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        asked, answers = process.stdin, process.stdout
        if asked is None or answers is None or not answers.readline():
            raise RuntimeError("sprocket-rl-parser does not start")

        def analyse(path: Path) -> None:
            asked.write(f"{path.resolve()}\n")
            asked.flush()
            if not answers.readline():
                raise RuntimeError(f"sprocket-rl-parser failed on {path}")

        try:
            yield {"sprocket": analyse}
        finally:
            process.kill()  # its input stays open in the processes that were forked since


def time_line(path: Path, calls: Mapping[str, Call]) -> str:
    """Medians for one replay; the contenders take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS):
        for name, call in calls.items():
            if turn < SLOW_ROUNDS or name not in SLOW:
                times[name].append(timed(partial(call, path)))
    median = {name: statistics.median(values) for name, values in times.items()}
    base = median.pop("bare")
    ratios = " ".join(f"{value / base:8.2f}" for value in median.values())
    return f"{path.name:42} {base * 1000:7.0f} ms {ratios}"


def memory_line(path: Path) -> str:
    """Peaks of three fresh processes, which hold some 25 MB of code besides the bare call's.

    That of the road is its child's.
    """
    base_mb = own_peak_mb(_BARE_ONCE, path)
    ratios = (own_peak_mb(_BODY_ONCE, path) / base_mb, child_peak_mb(path) / base_mb)
    return f"{path.name:42} {base_mb:7.0f} MB " + " ".join(f"{ratio:8.2f}" for ratio in ratios)


def own_peak_mb(code: str, path: Path) -> float:
    """What a process says of itself at its end."""
    command = [sys.executable, "-c", code + _OWN_PEAK, str(path)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout) / 1024


def child_peak_mb(path: Path) -> float:
    """The road's child after one parse; a child sends its answer before it ends."""
    with tempfile.TemporaryDirectory() as folder, open_road(Path(folder)) as road:
        parse(road, path, disable_cache=True)
        return max(map(peak_of, children()))


def children() -> list[int]:
    """The processes that this one has started."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for found in lists for pid in found.read_text().split()]


def scaling_line() -> str:
    """How much sooner two children are done than one."""
    with tempfile.TemporaryDirectory() as folder, open_road(Path(folder)) as road:
        paths = [
            write_replay(Path(folder) / f"{seed}.replay", believable_match(seed=seed), FRAMES)
            for seed in range(SHARED)
        ]
        gains = [shared_s(road, paths, 1) / shared_s(road, paths, 2) for _ in range(SHARED_ROUNDS)]
    shown = ", ".join(f"{gain:.2f}" for gain in gains)
    return f"two children instead of one: {statistics.median(gains):.2f} times as fast ({shown})"


def shared_s(road: Pipeline, paths: Sequence[Path], count: int) -> float:
    """Seconds that so many children take; all of them are warm."""

    def work(path: Path) -> None:
        parse(road, path, disable_cache=True)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work, paths[:count]))
        return timed(lambda: list(threads.map(work, paths)))


if __name__ == "__main__":
    main()
