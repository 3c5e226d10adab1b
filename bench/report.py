"""The page of a match beside a bare decode of its replay; the page of a season and its memory.

CPU time to write the page of a match that was parsed, the first in a process (imports and templates
with it) and one more, as medians and ratios to the bare ``subtr_actor.parse_replay(bytes)`` of the
same run. Then the page of 200 matches in a process of its own: its size, and the peak of its memory
beside that of 20.
"""

from __future__ import annotations

import json
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import subtr_actor

from bench.data import replays
from bench.promises import promise
from parsekit import Job, Outcome, ProviderContext, Replay

ROUNDS = 5
FEW, MANY = 20, 200
PAGE_BYTES, SEASON_BYTES = 400_000, 2_000_000
#: Of the bare call's CPU time.
SHARE = 0.5
#: What 180 matches more may add to the peak, MB.
GROWTH_MB = 8


def main() -> None:
    """Print sizes, ratios and peaks."""
    with tempfile.TemporaryDirectory() as folder:
        files = [parsed(path, Path(folder)) for path in replays()]
        for number, (path, file) in enumerate(zip(replays(), files, strict=True)):
            compare_page(path, file, full=number > 0)
        measure_season(files)


def parsed(path: Path, folder: Path) -> Path:
    """Parse a replay with its timeline; the outcome is kept in a file."""
    from parsekit_local.parser import LocalParser  # noqa: PLC0415  (children need it not)

    data = path.read_bytes()
    replay = Replay(
        path=path, name=path.name, sha256=sha256(data).hexdigest(), size_bytes=len(data)
    )
    answer = LocalParser(ProviderContext()).parse(replay, Job(task_id="bench", timeline=True))
    outcome = Outcome(
        replay=path.name,
        task_id="bench",
        hash=replay.sha256,
        parser="local",
        data=answer.data,
        timeline=answer.timeline,
    )
    file = folder / f"{path.stem}.pickle"
    file.write_bytes(pickle.dumps(outcome))
    return file


def compare_page(path: Path, file: Path, *, full: bool) -> None:
    """Writing the page beside decoding the replay; both take turns.

    What is promised is of full matches: imports take as long for a short one.
    """
    data = path.read_bytes()
    bare, first, more = [], [], []
    for _ in range(ROUNDS):
        bare.append(cpu_s(lambda: subtr_actor.parse_replay(data)))
        done = child("page", file)
        first.append(done["first_s"])
        more.append(done["more_s"])
    size = done["bytes"]
    promise(f"{path.name}, page", f"{size / 1000:.0f} KB", "<= 400", kept=size <= PAGE_BYTES)
    whole_s = statistics.median(bare)
    for name, times in (("first of a process", first), ("one more", more)):
        ours_s = statistics.median(times)
        measured = f"{ours_s / whole_s:.2f} ({ours_s * 1000:.0f} ms of {whole_s * 1000:.0f})"
        kept = ours_s <= SHARE * whole_s or not full
        promise(f"   {name}, CPU time", measured, f"<= {SHARE} of a full match", kept=kept)


def measure_season(files: list[Path]) -> None:
    """Size and memory of the page of many matches."""
    few, many = (child("season", *files, str(count)) for count in (FEW, MANY))
    size = many["bytes"]
    promise(f"season of {MANY}", f"{size / 1000:.0f} KB", "<= 2000", kept=size <= SEASON_BYTES)
    grown_mb = many["peak_mb"] - few["peak_mb"]
    promise(
        f"its peak of memory beside that of {FEW}",
        f"+{grown_mb:.1f} MB ({few['peak_mb']:.0f} and {many['peak_mb']:.0f})",
        f"<= +{GROWTH_MB}",
        kept=grown_mb <= GROWTH_MB,
    )


def child(*arguments: str | Path) -> dict[str, float]:
    """Run this module in a process of its own."""
    command = [sys.executable, "-m", "bench.report", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def write_page(file: Path) -> dict[str, float]:
    """Write the page of one match twice."""
    outcome = pickle.loads(file.read_bytes())  # noqa: S301  (ours, a moment ago)
    first_s = cpu_s(lambda: written([outcome].__iter__()))
    more_s = cpu_s(lambda: written([outcome].__iter__()))
    return {"first_s": first_s, "more_s": more_s, "bytes": written([outcome].__iter__())}


def write_season(files: list[Path], count: int) -> dict[str, float]:
    """Write the page of many matches: those of the files, again and again on other days."""
    size = written(season(files, count))
    # ru_maxrss begins with that of the process that started this one
    [peak_kb] = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return {"bytes": size, "peak_mb": int(peak_kb) / 1024}


def season(files: list[Path], count: int) -> Iterator[Outcome]:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        outcome: Outcome = pickle.loads(files[number % len(files)].read_bytes())  # noqa: S301
        date = (first + timedelta(hours=9 * number)).isoformat()
        data = {**(outcome.data or {}), "date": date, "match_guid": f"{number:032X}"}
        data.pop("rocket_league_id", None)
        yield replace(outcome, replay=f"{number}.replay", data=data)


def written(outcomes: Iterator[Outcome]) -> int:
    """Bytes of their page."""
    from parsekit_report.collection import collect  # noqa: PLC0415  (its import is measured)
    from parsekit_report.page import page_of  # noqa: PLC0415

    _, parts = page_of(collect(outcomes, player=None, last=None))
    return sum(len(part.encode()) for part in parts)


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["page", file]:
            print(json.dumps(write_page(Path(file))))
        case ["season", *files, count]:
            print(json.dumps(write_season([Path(each) for each in files], int(count))))
        case _:
            main()
