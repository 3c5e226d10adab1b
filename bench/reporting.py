"""What metrics, log lines and the audit cost, as shares of the processor time of a cached task.

The task answers a body as large as Ballchasing's, 21 KB, from a folder storage.

Two equal workers differ by one or two percent of processor time for as long as they live, and one
that shares its machine differs by more from second to second. So in one worker tasks take turns, 25
at a time: reporting, silent, silent, reporting, over and over, and medians of both are compared. It
writes its lines as JSON into a file; the thread that writes them, which works every quarter of a
second, is added. What is told every few seconds, `/metrics` read every five seconds included, is
measured while no task is there, and added as well. A cached task is bound by the processor, so a
share of its time is one of the throughput.

The audit can't be switched off. It is measured in this process, as the difference between reporting
listeners the end of a task with and without it.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import redis

from bench.data import body_of_a_match
from bench.promises import promise
from bench.silent import NEXT_PHASE
from bench.worker import PLUGINS, _finished
from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.servers.process import free_port
from devkit.servers.valkey import valkey
from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.config.config import HOST_SECTIONS
from parsekit.host.host import Host
from parsekit.host.listeners import Listeners
from parsekit.host.session import Session
from parsekit.model import Outcome, Request
from parsekit.pipeline.progress import ProgressReporter, analytics_event
from parsekit.records.audit_trail import AuditTrail, TaskStatus, audit_event
from parsekit.testing import believable_match, synthetic_replay

#: One after the other: who tells and who does not must be told apart.
SLOTS = 1
TASKS, TURNS_S = 400, 240.0
#: So many tasks of each kind have their medians compared: neighbours, as the machine changes.
COMPARED = 25
ENDS, AUDIT_ROUNDS = 500, 15
SCRAPE_S, SCRAPES = 5.0, 2
#: What is promised of metrics and log lines.
MOST_SHARE = 0.06
#: What is written behind is written by then, seconds.
SETTLED_S = 0.6


@dataclass(frozen=True)
class Noted:
    """Processor time of tasks, in order, and of the thread that wrote lines, in all."""

    reporting_ns: list[int]
    silent_ns: list[int]
    written_ns: int


def main() -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as name:
        with _measured_worker(Path(name)) as worker:
            worker.warm()
            reporting = worker.idle_share(read=True)
            worker.next_phase()
            by_time = reporting - worker.idle_share(read=False)
            worker.next_phase()
            cached_ms, by_task = _by_task(worker.turns())
        audit_ms = _audit_ms(Path(name))
    print(f"   a cached task: {cached_ms:.2f} ms of processor time")
    print(f"   told every few seconds: {by_time:.2%} of a processor")
    both = [share + by_time for share in by_task]
    kept = statistics.median(both) < MOST_SHARE
    promise("metrics and log lines", _shown(both), f"< {MOST_SHARE:.0%}", kept=kept)
    print(f"   an audit record: {_shown([ms / cached_ms for ms in audit_ms])}")


def _shown(shares: Sequence[float]) -> str:
    """The median with its standard error (of a normal distribution with these quartiles)."""
    low, middle, high = statistics.quantiles(shares, n=4)
    error = 0.93 * (high - low) / math.sqrt(len(shares))
    return f"{middle:.1%} ± {error:.1%} of it   (quartiles {low:.1%} to {high:.1%})"


class Measured:
    """A worker that takes cached tasks, reporting, silent, or both in turns."""

    def __init__(self, service: Deployment, url: str) -> None:
        self._service = service
        self._key = service.put("one", synthetic_replay(believable_match(seed=1), frames=0))
        self._results = redis.Redis.from_url(url)
        port = free_port()
        self._page = f"http://127.0.0.1:{port}/metrics"
        self._log, self._noted = service.folder / "worker.log", service.folder / "noted"
        command = [sys.executable, "-m", "bench.silent", "worker", "--concurrency", str(SLOTS)]
        command += ["--http", str(port)]
        environ = {**service.environ, "VOICE": str(self._noted)}
        self._worker = WorkerProcess(command, environ, self._log, start=subprocess.Popen)
        service.workers.append(self._worker.ready())

    def warm(self) -> None:
        """Have the replay parsed, and everything imported and compiled."""
        self._service.send(self._key).get(timeout=60)
        self._round()
        time.sleep(SETTLED_S)

    def next_phase(self) -> None:
        """Have it begin what comes next."""
        self._worker.signal(NEXT_PHASE)
        time.sleep(SETTLED_S)

    def idle_share(self, *, read: bool) -> float:
        """Processor time for each second without a task, with `/metrics` read or not."""
        began_s = self._cpu_s()
        for _ in range(SCRAPES):
            if read:
                with urllib.request.urlopen(self._page, timeout=60) as answer:  # noqa: S310  (ours)
                    answer.read()
            time.sleep(SCRAPE_S)
        return (self._cpu_s() - began_s) / (SCRAPES * SCRAPE_S)

    def turns(self) -> Noted:
        """Have it take cached tasks, reporting and silent."""
        sent, written, end = 0, self._log.stat().st_size, time.monotonic() + TURNS_S
        while time.monotonic() < end:
            self._round()
            sent += TASKS
        time.sleep(SETTLED_S)
        self._check(written, sent)
        self.next_phase()
        poll(self._noted.exists)
        return Noted(**json.loads(self._noted.read_text()))

    def _round(self) -> None:
        """Tasks one after the other: frozen meanwhile, it does not see them come."""
        self._worker.signal(SIGSTOP)
        tasks = [self._service.send(self._key) for _ in range(TASKS)]
        names = [f"celery-task-meta-{task.id}" for task in tasks]
        self._worker.signal(SIGCONT)
        poll(lambda: _finished(self._results, names), seconds=120, every_s=0.05)

    def _cpu_s(self) -> float:
        """User and system time, ended threads included (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self._worker.pid << 3) | 2)

    def _check(self, written: int, sent: int) -> None:
        """Two lines for half of the tasks."""
        with self._log.open("rb") as log:
            log.seek(written)
            counted = sum(b'"step":' in line for line in log)
        if counted != sent:
            raise RuntimeError(f"{counted} lines of {sent} tasks, of which half write two")


@contextmanager
def _measured_worker(root: Path) -> Iterator[Measured]:
    """On a Valkey of its own; listeners that write for tests are quiet."""
    folder = root / "service"
    (folder / "remote").mkdir(parents=True)
    with valkey(root / "valkey", "--appendfsync", "everysec") as server:
        celery = {"broker": server.url(), "backend": server.url()}
        config = {"parser": "fake", "celery": celery, "logs": {"format": "json"}}
        (folder / "remote" / "body").write_text(json.dumps(body_of_a_match()))
        path = f"{PLUGINS}:{Path(__file__).parents[1]}"
        remote = str(folder / "remote")
        environ = {"FAKE_REMOTE": remote, "FAKE_QUIET": "1", "PYTHONPATH": path}
        service = Deployment(folder, config, environ, start=subprocess.Popen)
        try:
            yield Measured(service, server.url())
        finally:
            service.close()


def _by_task(noted: Noted) -> tuple[float, list[float]]:
    """Milliseconds of a cached task that reports; what reporting is of it, several times."""
    written_ns = noted.written_ns / len(noted.reporting_ns)
    shares = []
    for first in range(0, len(noted.silent_ns) - COMPARED, COMPARED):
        part = slice(first, first + COMPARED)
        with_reports_ns = statistics.median(noted.reporting_ns[part]) + written_ns
        shares.append(1 - statistics.median(noted.silent_ns[part]) / with_reports_ns)
    return (statistics.median(noted.reporting_ns) + written_ns) / 1e6, shares


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
    clock, status = Clock(), TaskStatus(result="ok", parser="local", hash=64 * "a", cached=True)

    def publish() -> None:
        end = ProgressReporter(listeners, request).end(outcome)
        listeners.deliver(end, analytics_event(request, outcome, clock.now()))

    def publish_audited() -> None:
        trail = AuditTrail()
        trail.record("looked_at", request.replay)
        trail.record("read", f"parsed/local/1.0/{status.hash}.json")
        trail.record("sent", "analytics")
        end = ProgressReporter(listeners, request).end(outcome)
        listeners.deliver(
            end,
            analytics_event(request, outcome, clock.now()),
            audit_event(request, trail.drain(), status, clock.now()),
        )

    return publish_audited if audited else publish


def _each_ms(work: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(ENDS):
        work()
    return 1000 * (time.process_time() - began) / ENDS


if __name__ == "__main__":
    main()
