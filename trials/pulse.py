"""How the workers of a fleet are: what they take of the machine."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from trials.faults import descendants
from trials.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """All processes of all workers together, ``at_s`` seconds after the beginning.

    Shared pages are counted once for each process that maps them, by its share (PSS).
    """

    at_s: float
    memory_mib: float
    descriptors: int
    threads: int
    processes: int


def pulse(fleet: Fleet, at_s: float) -> Pulse:
    """Take it."""
    pids = [pid for worker in fleet.workers for pid in (worker.pid, *descendants(worker.pid))]
    return Pulse(
        at_s=at_s,
        memory_mib=sum(_pss_kib(pid) for pid in pids) / 1024,
        descriptors=sum(_entries(pid, "fd") for pid in pids),
        threads=sum(_entries(pid, "task") for pid in pids),
        processes=len(pids),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How much a number has moved from the beginning to the end, as a share of the beginning."""

    name: str
    first: float
    last: float

    @property
    def share(self) -> float:
        """0.05 is five percent more, -0.05 five percent less."""
        return self.last / self.first - 1 if self.first else 0.0

    def __str__(self) -> str:
        return f"{self.name} {self.first:.1f} → {self.last:.1f} ({self.share:+.1%})"


def trends(pulses: Sequence[Pulse]) -> list[Trend]:
    """Of two pulses or more, each number in two ways: a peak at either end counts little in both.

    The line shows what moves slowly, the quarters also what moved only in the end.
    """
    numbers = ("memory_mib", "descriptors", "threads")
    return [way(name, pulses) for name in numbers for way in (_line, _quarters)]


def _line(name: str, pulses: Sequence[Pulse]) -> Trend:
    """Along the median of all slopes between two pulses (Theil and Sen), through the median."""
    points = [(pulse.at_s, float(getattr(pulse, name))) for pulse in pulses]
    slope = median((y - v) / (x - u) for (u, v), (x, y) in combinations(points, 2))
    middle = median(y - slope * x for x, y in points)
    return Trend(
        name=f"{name} along a line",
        first=middle + slope * points[0][0],
        last=middle + slope * points[-1][0],
    )


def _quarters(name: str, pulses: Sequence[Pulse]) -> Trend:
    """From the median of the first quarter to that of the last."""
    values = [float(getattr(pulse, name)) for pulse in pulses]
    quarter = max(1, len(values) // 4)
    return Trend(
        name=f"{name} by quarters",
        first=median(values[:quarter]),
        last=median(values[-quarter:]),
    )


def tasks_counted(fleet: Fleet) -> int:
    """How many tasks have ended, as the workers tell Prometheus."""
    return sum(
        int(float(line.rpartition(" ")[2]))
        for worker in fleet.workers
        for line in _page(fleet.ports[worker.pid]).splitlines()
        if line.startswith("parsekit_tasks_total{")
    )


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def _pss_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _entries(pid: int, kind: str) -> int:
    with suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/{kind}").iterdir())
    return 0
