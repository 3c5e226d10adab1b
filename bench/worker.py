"""The service beside an empty Celery task on the same broker and pool, and replays that wait.

The queue is filled while the worker is frozen, so that only the worker is measured.
Run it alone with ``python -m bench.worker``.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

from bench.promises import promise
from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.servers.valkey import valkey
from parsekit.testing import believable_match, synthetic_replay

PLUGINS = Path(__file__).parents[1] / "tests" / "worker" / "plugins"
TASKS = 600
ROUNDS = 3
#: Tasks at once, by pool: what remote parsers get, and local ones on two cores.
POOLS = {"threads": 8, "prefork": 2}
#: What is promised: of the empty task's rate, of a threads worker, of 200 replays that are pending,
#: and of what a worker grows by with 1000 of them.
LEAST_RATIO, MOST_MIB, LONGEST_S, MOST_GROWTH_MIB = 0.5, 90, 15, 20


def main() -> None:
    """Rates on a broker that writes each task to the disk, and on one that does so each second."""
    for fsync in ("always", "everysec"):
        with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as folder:
            print(f"   broker with appendfsync {fsync}:")
            _on_broker(Path(folder), fsync, waiting=fsync == "always")


def _on_broker(root: Path, fsync: str, *, waiting: bool) -> None:
    with valkey(root / "valkey", "--appendfsync", fsync) as server:
        service = _service(root / "service", server.url(0))
        noop = _noop(root / "noop", server.url(1))
        try:
            for pool in POOLS:
                worker = _rates(service, noop, server.url(0), server.url(1), pool)
                if waiting and pool == "threads":
                    _waiting(service, worker, server.url(0))
                worker.stop()
        finally:
            service.close()
            noop.close()


def _service(folder: Path, url: str) -> Deployment:
    (folder / "remote").mkdir(parents=True)
    config: dict[str, Any] = {"parser": "fake", "celery": {"broker": url, "backend": url}}
    environ = {
        "FAKE_REMOTE": str(folder / "remote"),
        "FAKE_QUIET": "1",
        "PYTHONPATH": str(PLUGINS),
    }
    return Deployment(folder, config, environ, start=subprocess.Popen)


def _noop(folder: Path, url: str) -> Deployment:
    folder.mkdir()
    root = str(Path(__file__).parents[1])
    config: dict[str, Any] = {"celery": {"broker": url, "backend": url, "queue": "celery"}}
    environ = {"NOOP_URL": url, "PYTHONPATH": root}
    return Deployment(folder, config, environ, start=subprocess.Popen)


def _rates(
    service: Deployment, noop: Deployment, service_url: str, noop_url: str, pool: str
) -> WorkerProcess:
    """Print how both compare, and answer the service's worker."""
    key = service.put("one", synthetic_replay(believable_match(seed=1), frames=0))
    slots = str(POOLS[pool])
    ours = service.worker("--pool", pool, "--concurrency", slots, "--log-level", "warning")
    command = [sys.executable, "-m", "celery", "-A", "bench.noop", "worker"]
    options = ["-P", pool, "-c", slots, "-l", "warning"]
    log = noop.folder / f"{pool}.log"
    theirs = WorkerProcess([*command, *options], noop.environ, log, start=subprocess.Popen)
    noop.workers.append(theirs)
    service.send(key).get(timeout=60)
    noop.caller.send_task("noop").get(timeout=60)
    rates: dict[str, list[float]] = {"no-op": [], "cached": []}
    for _ in range(ROUNDS):
        rates["no-op"].append(_rate(theirs, noop_url, lambda: noop.caller.send_task("noop")))
        rates["cached"].append(_rate(ours, service_url, lambda: service.send(key)))
    ratios = [c / n for c, n in zip(rates["cached"], rates["no-op"], strict=True)]
    shown = ", ".join(f"{name} {statistics.median(rate):.0f}/s" for name, rate in rates.items())
    print(f"   {pool}, {slots} at once: {shown}")
    ratio = statistics.median(ratios)
    kept = ratio >= LEAST_RATIO
    promise("cached replays / no-op", f"{ratio:.2f}", f">= {LEAST_RATIO}", kept=kept)
    if pool == "threads":
        memory_mib = rss_mib(ours.pid)
        kept = memory_mib <= MOST_MIB
        promise("worker memory", f"{memory_mib:.0f} MiB", f"<= {MOST_MIB}", kept=kept)
    theirs.stop()
    return ours


def _rate(worker: WorkerProcess, url: str, send: Any) -> float:
    with redis.Redis.from_url(url) as client:
        worker.signal(signal.SIGSTOP)
        tasks = [send() for _ in range(TASKS)]
        names = [f"celery-task-meta-{task.id}" for task in tasks]
        worker.signal(signal.SIGCONT)
        began = time.monotonic()
        poll(lambda: _finished(client, names), seconds=120, every_s=0.02)
        return TASKS / (time.monotonic() - began)


def _finished(client: redis.Redis, names: list[str]) -> bool:
    last = client.mget(names[-TASKS // 20 :])
    if not all(text and b'"SUCCESS"' in text[:40] for text in last):
        return False
    return all(text and b'"SUCCESS"' in text[:40] for text in client.mget(names))


def _waiting(service: Deployment, worker: WorkerProcess, url: str) -> None:
    remote = service.folder / "remote"
    (remote / "pending_s").write_text("8")
    before = rss_mib(worker.pid)
    keys = [
        service.put(f"p{n}", synthetic_replay(believable_match(seed=1000 + n), frames=0))
        for n in range(200)
    ]
    began = time.monotonic()
    tasks = [service.send(key) for key in keys]
    with redis.Redis.from_url(url) as client:
        names = [f"celery-task-meta-{task.id}" for task in tasks]
        poll(lambda: _finished(client, names), seconds=120)
        makespan = time.monotonic() - began
        kept = makespan <= LONGEST_S
        what = "200 replays pending 8 s each"
        promise(what, f"{makespan:.1f} s", f"<= {LONGEST_S}", kept=kept)
        polls = len((remote / "polls").read_text().splitlines())
        print(f"   polls a replay: {polls / 200:.1f}")
        (remote / "pending_s").write_text("600")
        body = [synthetic_replay(believable_match(seed=9000 + n), frames=0) for n in range(1000)]
        for n, one in enumerate(body):
            service.send(service.put(f"m{n}", one))
        poll(lambda: client.zcard("parsekit:due") >= 1000, seconds=120)
        grown = rss_mib(worker.pid) - before
        kept = grown <= MOST_GROWTH_MIB
        what = "memory for 1000 pending"
        promise(what, f"{grown:+.1f} MiB", f"<= {MOST_GROWTH_MIB}", kept=kept)


def rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if "VmRSS" in line).split()[1]) / 1024


if __name__ == "__main__":
    main()
