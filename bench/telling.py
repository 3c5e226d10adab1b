"""What metrics, log lines and the audit cost, as shares of the processor time of a cached task.

Two equal workers differ by one or two percent of processor time for as long as they live, as much
as is to be measured. So one worker is measured that a signal makes silent and talkative again, in
blocks of four short rounds: telling, silent, silent, telling, and the next block the other way
round. It writes its lines as JSON into a file. What it tells every few seconds, `/metrics` read
every five seconds included, is too rare for short rounds: it is measured while no task is there,
and added. A cached task is bound by the processor, so a share of its time is one of the throughput,
and depends less on what else the machine does.

The audit can't be switched off. It is measured in this process, as the difference between telling
listeners the end of a task with and without it.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import redis

from bench.silent import TURN
from bench.worker import PLUGINS, _finished
from parsekit.audit import Standing, Trail, audit_event
from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.config.effective import HOST_SECTIONS
from parsekit.host import Host
from parsekit.host.listeners import Listeners
from parsekit.model import Outcome, Request
from parsekit.progress import ProgressTeller, analytics_event
from parsekit.session import Session
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import Deployment, WorkerProcess, poll
from parsekit.testing.servers.process import free_port
from parsekit.testing.servers.valkey import valkey

TASKS, SLOTS = 100, 4
BLOCKS_S = 130.0
ENDS, AUDIT_ROUNDS = 500, 15
#: Telling, silent, silent, telling: what grows or falls steadily in a block adds nothing.
ORDER = (True, False, False, True)
SCRAPE_S = 5.0
#: What is written behind is written by then, seconds.
SETTLED_S = 0.15


def main() -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as name:
        with _measured_worker(Path(name)) as worker:
            worker.warm()
            by_time = _by_time(worker)
            cached_ms, by_task = _by_task(worker)
        audit_ms = _audit_ms(Path(name))
    print(f"   a cached task: {cached_ms:.2f} ms of processor time, over {len(by_task)} blocks")
    print(f"   told every few seconds: {by_time:.2%} of a processor")
    both = [share + by_time for share in by_task]
    print(f"   metrics and log lines: {_shown(both)}   (promised < 3 %)")
    print(f"   an audit record: {_shown([ms / cached_ms for ms in audit_ms])}")


def _shown(shares: Sequence[float]) -> str:
    """The median with its standard error (of a normal distribution with these quartiles)."""
    low, middle, high = statistics.quantiles(shares, n=4)
    error = 0.93 * (high - low) / math.sqrt(len(shares))
    return f"{middle:.1%} ± {error:.1%} of it   (quartiles {low:.1%} to {high:.1%})"


class Measured:
    """A worker that takes cached tasks, telling or silent."""

    def __init__(self, service: Deployment, url: str) -> None:
        self._service = service
        self._key = service.put("one", synthetic_replay(believable_match(seed=1), frames=0))
        self._results = redis.Redis.from_url(url)
        port = free_port()
        self._page = f"http://127.0.0.1:{port}/metrics"
        self._log = service.folder / "worker.log"
        command = [sys.executable, "-m", "bench.silent", "worker", "-c", str(SLOTS)]
        command += ["--http", str(port)]
        self._worker = WorkerProcess(command, service.environ, self._log)
        service.workers.append(self._worker.ready())
        self._tells = True

    def warm(self) -> None:
        """Have the replay parsed, and everything imported and compiled."""
        self._service.send(self._key).get(timeout=60)
        time.sleep(SETTLED_S)
        for tells in 2 * ORDER:
            self.round_ms(tells=tells)

    def turn(self, *, tells: bool) -> None:
        """Have it tell, or be silent."""
        if tells is not self._tells:
            self._worker.signal(TURN)
            self._tells = tells

    def round_ms(self, *, tells: bool) -> float:
        """Processor milliseconds of a cached task; the worker does not see them come."""
        self._worker.signal(SIGSTOP)
        tasks = [self._service.send(self._key) for _ in range(TASKS)]
        names = [f"celery-task-meta-{task.id}" for task in tasks]
        self.turn(tells=tells)
        written, began_s = self._log.stat().st_size, self.cpu_s
        self._worker.signal(SIGCONT)
        poll(lambda: _finished(self._results, names), seconds=120, every_s=0.01)
        time.sleep(SETTLED_S)
        spent_s = self.cpu_s - began_s
        self._check(written)
        return 1000 * spent_s / TASKS

    def idle_share(self, *, tells: bool) -> float:
        """Processor time for each second without a task."""
        self.turn(tells=tells)
        time.sleep(SETTLED_S)
        began_s = self.cpu_s
        if tells:
            with urllib.request.urlopen(self._page, timeout=60) as answer:  # noqa: S310  (ours)
                answer.read()
        time.sleep(SCRAPE_S)
        return (self.cpu_s - began_s) / SCRAPE_S

    @property
    def cpu_s(self) -> float:
        """User and system time, ended threads included (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self._worker.pid << 3) | 2)

    def _check(self, written: int) -> None:
        """Two lines a task, or none."""
        with self._log.open("rb") as log:
            log.seek(written)
            told = sum(b'"step":' in line for line in log)
        if told != (2 * TASKS if self._tells else 0):
            raise RuntimeError(f"{told} lines of {TASKS} tasks, telling: {self._tells}")


@contextmanager
def _measured_worker(root: Path) -> Iterator[Measured]:
    """On a Valkey of its own; listeners that write for tests are quiet."""
    folder = root / "service"
    (folder / "remote").mkdir(parents=True)
    with valkey(root / "valkey", "--appendfsync", "everysec") as server:
        celery = {"broker": server.url(), "backend": server.url()}
        config = {"parser": "fake", "celery": celery, "logs": {"format": "json"}}
        path = f"{PLUGINS}:{Path(__file__).parents[1]}"
        remote = str(folder / "remote")
        environ = {"FAKE_REMOTE": remote, "FAKE_QUIET": "1", "PYTHONPATH": path}
        service = Deployment(folder, config, environ)
        try:
            yield Measured(service, server.url())
        finally:
            service.close()


def _by_time(worker: Measured) -> float:
    """What it costs to tell every few seconds, as a share of one processor."""
    shares: dict[bool, list[float]] = {True: [], False: []}
    for tells in ORDER:
        shares[tells].append(worker.idle_share(tells=tells))
    return statistics.mean(shares[True]) - statistics.mean(shares[False])


def _by_task(worker: Measured) -> tuple[float, list[float]]:
    """Milliseconds of a cached task that tells; what telling is of it, a share a block."""
    wholes: list[float] = []
    shares: list[float] = []
    end = time.monotonic() + BLOCKS_S
    while time.monotonic() < end:
        order = [tells is (len(shares) % 2 == 0) for tells in ORDER]
        rounds: dict[bool, list[float]] = {True: [], False: []}
        for tells in order:
            rounds[tells].append(worker.round_ms(tells=tells))
        whole, silent = statistics.mean(rounds[True]), statistics.mean(rounds[False])
        wholes.append(whole)
        shares.append((whole - silent) / whole)
    return statistics.median(wholes), shares


def _audit_ms(folder: Path) -> list[float]:
    """What a record adds to the end of a task, processor milliseconds, a number a round."""
    sections = {name: model() for name, model in HOST_SECTIONS.items()}
    session = Session(config=Config(sections=sections), role="worker", data_dir=folder)
    listeners = Listeners(Host.load({"PARSEKIT_PLUGINS": ""}))
    listeners.open(session)
    with_it, without = _end(listeners, audited=True), _end(listeners, audited=False)
    added = [_each_ms(with_it) - _each_ms(without) for _ in range(AUDIT_ROUNDS)]
    listeners.close(1)
    return added


def _end(listeners: Listeners, *, audited: bool) -> Callable[[], None]:
    """The end of a cached task, with its record or without."""
    request = Request(replay="replays/a.replay", task_id="t" * 36, caller="gen1@host")
    outcome = Outcome(replay=request.replay, task_id=request.task_id, cached=True)
    clock, standing = Clock(), Standing(result="ok", parser="local", hash=64 * "a", cached=True)

    def tell() -> None:
        end = ProgressTeller(listeners, request).end(outcome)
        listeners.deliver(end, analytics_event(request, outcome, clock.now()))

    def tell_audited() -> None:
        trail = Trail()
        trail.note("looked_at", request.replay)
        trail.note("read", f"parsed/local/1.0/{standing.hash}.json")
        trail.note("sent", "analytics")
        end = ProgressTeller(listeners, request).end(outcome)
        listeners.deliver(
            end,
            analytics_event(request, outcome, clock.now()),
            audit_event(request, trail.take(), standing, clock.now()),
        )

    return tell_audited if audited else tell


def _each_ms(work: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(ENDS):
        work()
    return 1000 * (time.process_time() - began) / ENDS


if __name__ == "__main__":
    main()
