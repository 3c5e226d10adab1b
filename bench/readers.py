"""The native reader of replays beside the dictionary reader: CPU time, memory, a folder.

Both take turns in the same run; printed are medians and their ratios. The dictionary reader is in
use where the native one can't be imported, so a folder on the path hides it from whole commands.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.data import SHARED, replays
from bench.promises import promise
from parsekit.testing.replays.file import believable_match, write_replay
from parsekit_local.stream import dictionary, native, readers
from parsekit_local.stream.interpretation import interpret

ROUNDS = 5
FOLDER, FOLDER_ROUNDS = 20, 3
#: Small synthetic replays, by which the parent's cost of one more is found.
FEW, MANY, FRAMES = 100, 300, 60

#: The command, then its own CPU seconds, its children's, and the largest child's peak in KiB.
_COMMAND = """
import json, resource, sys
fd = int(sys.argv.pop(1))
from parsekit.cli import main
try:
    main()
finally:
    own, of = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = own.ru_utime + own.ru_stime, of.ru_utime + of.ru_stime, of.ru_maxrss
    with open(fd, "w") as told: told.write(json.dumps(cost))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of the command took."""

    wall_s: float
    parent_cpu_s: float
    children_cpu_s: float
    largest_child_mb: float


def main() -> None:
    """Print what each reader costs, and their ratios."""
    if why_not := readers.why_not_native():
        print(f"the readers are not compared: {why_not}")
        return
    for number, path in enumerate(replays()[:3]):
        compare_decoding(path, limit=0.05 if number else 0.08)
    with tempfile.TemporaryDirectory() as home:
        hidden = Path(home) / "hidden"
        hidden.mkdir()
        (hidden / "parsekit_local_native.py").write_text("raise ImportError('hidden')\n")
        compare_folders(Path(home), hidden)
        show_parent(Path(home))


def compare_decoding(path: Path, limit: float) -> None:
    """From the file's bytes to columns."""
    data = path.read_bytes()
    ways: dict[str, Callable[[], object]] = {
        "native": lambda: interpret(native.read(data)),
        "dictionary": lambda: interpret(dictionary.read(data)),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append((time.process_time() - began) * 1000)
    ours, theirs = (statistics.median(times[name]) for name in ways)
    measured = f"{ours / theirs:.3f} ({ours:.1f} ms of {theirs:.0f})"
    promise(f"{path.name}, CPU time", measured, f"<= {limit}", kept=ours <= limit * theirs)


def compare_folders(home: Path, hidden: Path) -> None:
    """The whole command over a folder, and over a quarter of it for the cost of one more."""
    some = sorted(SHARED.glob("*.replay")) if SHARED.is_dir() else replays()
    for name, count in (("whole", FOLDER), ("quarter", FOLDER // 4)):
        (home / name).mkdir()
        for number in range(count):
            shutil.copy(some[number % len(some)], home / name / f"{number}.replay")
    runs: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(FOLDER_ROUNDS):
        for part in ("whole", "quarter"):
            runs.setdefault(("native", part), []).append(command(home, part))
            runs.setdefault(("dictionary", part), []).append(command(home, part, hidden))
    ours, theirs = (_median(runs[way, "whole"]) for way in ("native", "dictionary"))
    few_ours, few_theirs = (_median(runs[way, "quarter"]) for way in ("native", "dictionary"))
    promise(
        f"a folder of {FOLDER}, --jobs 2, wall",
        f"{ours.wall_s / theirs.wall_s:.2f} ({ours.wall_s:.1f} s of {theirs.wall_s:.1f})",
        "<= 0.22",
        kept=ours.wall_s <= 0.22 * theirs.wall_s,
    )
    more = FOLDER - FOLDER // 4
    one_ours = (ours.children_cpu_s - few_ours.children_cpu_s) / more
    one_theirs = (theirs.children_cpu_s - few_theirs.children_cpu_s) / more
    promise(
        "a child's CPU time for one more replay",
        f"{one_ours / one_theirs:.2f} ({one_ours * 1000:.0f} ms of {one_theirs * 1000:.0f})",
        "<= 0.15",
        kept=one_ours <= 0.15 * one_theirs,
    )
    promise(
        "the largest child",
        f"{ours.largest_child_mb:.0f} MB ({theirs.largest_child_mb:.0f} with dictionaries)",
        "<= 110",
        kept=ours.largest_child_mb <= 110,
    )


def show_parent(home: Path) -> None:
    """What one more small replay costs the parent."""
    for name, count in (("few", FEW), ("many", MANY)):
        (home / name).mkdir()
        for seed in range(count):
            match = believable_match(seed=seed, team_size=1)
            write_replay(home / name / f"{seed}.replay", match, FRAMES)
    few, many = command(home, "few"), command(home, "many")
    one_ms = (many.parent_cpu_s - few.parent_cpu_s) / (MANY - FEW) * 1000
    promise("the parent's CPU time for one more", f"{one_ms:.1f} ms", "<= 10", kept=one_ms <= 10)


def command(home: Path, part: str, hidden: Path | None = None) -> Cost:
    """Run it over one folder, with an empty cache, and with the native reader unless hidden."""
    reading, writing = os.pipe()
    environ = {**os.environ, "XDG_DATA_HOME": str(home / "data")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if hidden is not None:
        environ["PYTHONPATH"] = str(hidden)
    options = ("--no-cache", "--format", "jsonl", "--jobs", "2")
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND, str(writing), "parse", str(home / part), *options],
        env=environ,
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(writing)
        process.wait()
    wall_s = time.perf_counter() - began
    with os.fdopen(reading) as told:
        parent_s, children_s, peak_kb = json.loads(told.read())
    return Cost(
        wall_s=wall_s,
        parent_cpu_s=parent_s,
        children_cpu_s=children_s,
        largest_child_mb=peak_kb / 1024,
    )


def _median(costs: list[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.wall_s)[len(costs) // 2]


if __name__ == "__main__":
    main()
