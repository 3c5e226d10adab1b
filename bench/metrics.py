"""What metrics and logs cost, as a share of the processor time of a cached task.

Three workers on one Valkey take turns over many short rounds: one as it is, with every line of its
log written and `/metrics` read every five seconds, the same at ``--log-level warning``, and one
without numbers and lines. A cached task is bound by the processor, so the share of its time is the
share of the throughput, and depends less on what else the machine does. Run it alone with
``python -m bench.metrics``.
"""

from __future__ import annotations

import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import redis

from bench.worker import PLUGINS, _finished
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import Deployment, WorkerProcess, poll
from parsekit.testing.servers.process import free_port
from parsekit.testing.servers.valkey import valkey

TASKS = 100
ROUNDS = 15
SLOTS = 4
_QUIET = ("--log-level", "warning")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as folder:
        root = Path(folder)
        with ExitStack() as stack, valkey(root / "valkey") as server:
            ports = [free_port(), free_port()]
            http = [("--http", str(port)) for port in ports]
            full = Side(root / "full", server.url(0), "parsekit", *http[0])
            quiet = Side(root / "quiet", server.url(1), "parsekit", *http[1], *_QUIET)
            silent = Side(root / "silent", server.url(2), "bench.silent")
            for side in (full, quiet, silent):
                stack.callback(side.service.close)
            for side in (full, quiet, silent):
                side.warm()
            stop = threading.Event()
            stack.callback(stop.set)
            threading.Thread(target=_read, args=(ports, stop), daemon=True).start()
            _compare(full, quiet, silent)
            stop.set()


class Side:
    """A deployment with one worker."""

    def __init__(self, folder: Path, url: str, module: str, *options: str) -> None:
        (folder / "remote").mkdir(parents=True)
        config = {"parser": "fake", "celery": {"broker": url, "backend": url}}
        path = f"{PLUGINS}:{Path(__file__).parents[1]}"
        environ = {"FAKE_REMOTE": str(folder / "remote"), "PYTHONPATH": path}
        self.url = url
        self.service = Deployment(folder, config, environ)
        self.key = self.service.put("one", synthetic_replay(believable_match(seed=1), frames=0))
        command = [sys.executable, "-m", module, "worker", "-c", str(SLOTS), *options]
        self.worker = WorkerProcess(command, self.service.environ, folder / "worker.log")
        self.service.workers.append(self.worker)

    def warm(self) -> None:
        self.service.send(self.key).get(timeout=60)
        self.round()

    def round(self) -> float:
        """Processor milliseconds of one cached task."""
        self.worker.signal(signal.SIGSTOP)
        tasks = [self.service.send(self.key) for _ in range(TASKS)]
        before = _cpu_s(self.worker.pid)
        self.worker.signal(signal.SIGCONT)
        with redis.Redis.from_url(self.url) as client:
            names = [f"celery-task-meta-{task.id}" for task in tasks]
            poll(lambda: _finished(client, names), seconds=120, every_s=0.02)
        return 1000 * (_cpu_s(self.worker.pid) - before) / TASKS


def _compare(full: Side, quiet: Side, silent: Side) -> None:
    sides = [full, quiet, silent]
    took: dict[Side, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side in sides:
            took[side].append(side.round())
        sides.append(sides.pop(0))
    print(f"   a cached task: {statistics.median(took[full]):.2f} ms of processor time")
    for text, more, less in (
        ("metrics", quiet, silent),
        ("log lines", full, quiet),
        ("both", full, silent),
    ):
        pairs = zip(took[more], took[less], took[full], strict=True)
        shares = [(with_it - without) / whole for with_it, without, whole in pairs]
        low, middle, high = statistics.quantiles(shares, n=4)
        print(f"   {text}: {middle:.1%} of it   (quartiles {low:.1%} to {high:.1%})")
    print("   (promised: both < 3 %)")


def _read(ports: list[int], stop: threading.Event) -> None:
    while not stop.wait(5):
        for port in ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                answer.read()


def _cpu_s(pid: int) -> float:
    """User and system time of the process, its ended threads included (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


if __name__ == "__main__":
    main()
