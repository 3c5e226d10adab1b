"""A folder over all cores, as a ratio to the sum of single parses divided by the cores.

Both are the real command as a process; single times are those that one job reports for each
replay. The parent's peak memory is shown for a quarter of the folder and the whole, as it should
not grow with the number of replays.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from parsekit.testing.replays.file import believable_match, write_replay

REPLAYS = 24
FRAMES = 3000
ROUNDS = 3


def main() -> None:
    """Print the ratio and the memory."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for part, count in (("quarter", REPLAYS // 4), ("whole", REPLAYS)):
            (home / part).mkdir()
            for seed in range(count):
                write_replay(
                    home / part / f"{seed}.replay", believable_match(seed=seed), frames=FRAMES
                )
        cores = len(os.sched_getaffinity(0))
        ratios = []
        for _ in range(ROUNDS):
            single_s = sum(line["timings"]["totalMs"] for line in run(home, "whole", 1)[0]) / 1000
            _, wall_s, peak_mb = run(home, "whole", cores)
            ratios.append(wall_s / (single_s / cores))
        quarter_mb = run(home, "quarter", cores)[2]
        print(f"{REPLAYS} replays, {cores} cores, wall / (sum of single / cores):", end=" ")
        print(f"{statistics.median(ratios):.2f}  ({', '.join(f'{r:.2f}' for r in ratios)})")
        print(f"parent's peak memory: {peak_mb:.0f} MB, {quarter_mb:.0f} MB for a quarter of them")


def run(home: Path, part: str, jobs: int) -> tuple[list[dict[str, Any]], float, float]:
    """Outcomes, seconds of the whole process, and the peak memory of the parent in MB."""
    command = [sys.executable, "-m", "parsekit", "parse", str(home / part), "--no-cache"]
    command += ["--format", "jsonl", "--jobs", str(jobs)]
    environ = {**os.environ, "XDG_DATA_HOME": str(home / "data")}
    began = time.perf_counter()
    lines, peak_mb = [], 0.0
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for line in process.stdout or ():
            lines.append(json.loads(line))
            peak_mb = peak_of(process.pid) or peak_mb
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return lines, time.perf_counter() - began, peak_mb


def peak_of(pid: int) -> float:
    """VmHWM; `ru_maxrss` would count what the process was before its exec, a copy of us."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(s.split()[1]) / 1024 for s in status.split("\n") if "VmHWM" in s), 0.0)


if __name__ == "__main__":
    main()
