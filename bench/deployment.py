"""The service over SeaweedFS and RabbitMQ beside an empty task, and with each of them away.

Queues are filled while the worker is frozen, so that only the worker is measured. What telling
costs a whole worker is the difference to the same service without RabbitMQ, in processor time; what
it costs the task itself, `bench.sinks` measures. While RabbitMQ is frozen, that other service does
the same work at the same time.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis

from bench.data import body_of_a_match
from bench.worker import rss_mib
from parsekit import JsonObject
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import Deployment, WorkerProcess, poll
from parsekit.testing.production import Mailbox, Production
from parsekit.testing.servers.rabbitmq import RabbitServer, rabbitmq
from parsekit.testing.servers.seaweedfs import SeaweedServer, seaweedfs
from parsekit.testing.servers.valkey import ValkeyServer, valkey

PLUGINS = Path(__file__).parents[1] / "tests" / "worker" / "plugins"
ROOT = Path(__file__).parents[1]
TASKS, ROUNDS = 1000, 3
SLOTS = 20  # what `parsekit worker` chooses for a remote parser
FROZEN_S, FROZEN_TASKS = 60.0, 100
#: So that the parses last as long as the freeze, with all slots busy.
FROZEN_PARSE_S = FROZEN_S / (FROZEN_TASKS / SLOTS)
AWAY_S, AWAY_TASKS, AWAY_PARSE_S = 30.0, 50, 2.0

Send = Callable[[], str]


@dataclass(frozen=True)
class Lane:
    """A service with one worker and a result store of its own."""

    deployment: Deployment
    worker: WorkerProcess
    url: str


@dataclass(frozen=True)
class Measured:
    """One round of `TASKS` tasks."""

    rate: float
    cpu_ms: float


def main() -> None:
    """Run all three against servers of its own."""
    with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as name, ExitStack() as stack:
        root = Path(name)
        server = stack.enter_context(valkey(root / "valkey", "--appendfsync", "everysec"))
        store = stack.enter_context(seaweedfs(root / "seaweedfs"))
        broker = stack.enter_context(rabbitmq(root / "rabbitmq"))
        told = stack.enter_context(_service(root / "told", server, 0, store, broker))
        untold = stack.enter_context(_service(root / "untold", server, 1, store, None))
        _rates(told, untold, root / "noop", server.url(2))
        _frozen(told, untold, broker)
        _away(told, store)


@contextmanager
def _service(
    folder: Path,
    server: ValkeyServer,
    database: int,
    store: SeaweedServer,
    broker: RabbitServer | None,
) -> Iterator[Lane]:
    (folder / "remote").mkdir(parents=True)
    url = server.url(database)
    config = {"parser": "fake", "celery": {"broker": url, "backend": url}}
    environ = {"FAKE_REMOTE": str(folder / "remote"), "PYTHONPATH": str(PLUGINS), "FAKE_QUIET": "1"}
    made = Production(folder, config, environ, store=store, broker=broker)
    try:
        worker = made.worker("-c", str(SLOTS), "--log-level", "warning")
        made.send(_put(made, 1)).get(timeout=60)
        yield Lane(made, worker, url)
    finally:
        made.close()


@contextmanager
def _noop(folder: Path, url: str) -> Iterator[Lane]:
    folder.mkdir()
    celery = {"broker": url, "backend": url, "queue": "celery"}
    made = Deployment(folder, {"celery": celery}, {"NOOP_URL": url, "PYTHONPATH": str(ROOT)})
    command = [sys.executable, "-m", "celery", "-A", "bench.noop", "worker"]
    options = ["-P", "threads", "-c", str(SLOTS), "-l", "warning"]
    made.workers.append(WorkerProcess([*command, *options], made.environ, folder / "worker.log"))
    try:
        made.caller.send_task("noop").get(timeout=60)
        yield Lane(made, made.workers[0], url)
    finally:
        made.close()


def _put(deployment: Deployment, seed: int) -> str:
    return deployment.put(f"{seed}", synthetic_replay(believable_match(seed=seed), frames=0))


def _send(deployment: Deployment, key: str) -> str:
    queue = deployment.progress.queue if isinstance(deployment, Production) else None
    return str(deployment.send(key, extra={"progressQueue": queue}).id)


def _send_noop(deployment: Deployment) -> str:
    return str(deployment.caller.send_task("noop").id)


def _rates(told: Lane, untold: Lane, folder: Path, url: str) -> None:
    """Compare for a result that is next to nothing, and for one as large as Ballchasing's."""
    with _noop(folder, url) as noop:
        for seed, body in ((1, None), (2, body_of_a_match())):
            size = len(json.dumps(body)) / 1000 if body else 0.1
            print(f"   results of {size:.1f} KB:")
            _compare(noop, told, untold, [_stored(lane, seed, body) for lane in (told, untold)])


def _stored(lane: Lane, seed: int, body: JsonObject | None) -> str:
    """The key of a replay whose result stands in the store."""
    if body is not None:
        (lane.deployment.folder / "remote" / "body").write_text(json.dumps(body))
    key = _put(lane.deployment, seed)
    lane.deployment.send(key).get(timeout=60)
    return key


def _compare(noop: Lane, told: Lane, untold: Lane, keys: Sequence[str]) -> None:
    rounds = [
        (
            _measure(noop, partial(_send_noop, noop.deployment)),
            _measure(told, partial(_send, told.deployment, keys[0])),
            _measure(untold, partial(_send, untold.deployment, keys[1])),
        )
        for _ in range(ROUNDS)
    ]
    for name, column in zip(
        ("no-op", "cached, told", "cached, untold"), zip(*rounds, strict=True), strict=True
    ):
        rate, cpu_ms = (
            statistics.median(getattr(m, x) for m in column) for x in ("rate", "cpu_ms")
        )
        print(f"   {name:15} {rate:5.0f} tasks/s, {cpu_ms:.2f} ms of processor time each")
    ratio = statistics.median(ours.rate / empty.rate for empty, ours, _ in rounds)
    cost_ms = statistics.median(ours.cpu_ms - silent.cpu_ms for _, ours, silent in rounds)
    print(f"   cached and told / no-op: {ratio:.2f}   (promised >= 0.35)")
    print(f"   publishing, in all threads of the worker: {cost_ms:.2f} ms of processor time each")
    print(f"   worker memory in all: {rss_mib(told.worker.pid):.0f} MiB   (promised <= 90)")


def _measure(lane: Lane, send: Send) -> Measured:
    lane.worker.signal(signal.SIGSTOP)
    tasks = [send() for _ in range(TASKS)]
    cpu_s, began = _cpu_s(lane.worker.pid), time.monotonic()
    lane.worker.signal(signal.SIGCONT)
    _succeed(lane, tasks)
    took_s = time.monotonic() - began
    return Measured(TASKS / took_s, (_cpu_s(lane.worker.pid) - cpu_s) / TASKS * 1000)


def _succeed(lane: Lane, tasks: Sequence[str]) -> None:
    """Wait until all have. Raises RuntimeError when one failed."""
    names = [f"celery-task-meta-{task}" for task in tasks]
    with redis.Redis.from_url(lane.url) as client:
        poll(lambda: _ended(client, names[-SLOTS * 4 :]), seconds=180, every_s=0.02)
        poll(lambda: _ended(client, names), seconds=180, every_s=0.02)


def _ended(client: redis.Redis, names: Sequence[str]) -> bool:
    states = [str(text)[:60] for text in client.mget(names)]
    if any('"FAILURE"' in state for state in states):
        raise RuntimeError("a task failed; see the worker's log")
    return all('"SUCCESS"' in state for state in states)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _frozen(told: Lane, untold: Lane, broker: RabbitServer) -> None:
    lanes = (told, untold)
    keys = [[_put(lane.deployment, 1000 * (n + 1) + i) for i in range(FROZEN_TASKS)]
            for n, lane in enumerate(lanes)]  # fmt: skip
    for lane in lanes:
        (lane.deployment.folder / "remote" / "slow_s").write_text(str(FROZEN_PARSE_S))
    broker.freeze()
    thaw = threading.Timer(FROZEN_S, broker.thaw)
    thaw.start()
    began = time.monotonic()
    tasks = [
        [_send(lane.deployment, key) for key in own] for lane, own in zip(lanes, keys, strict=True)
    ]
    ends: dict[str, float] = {}
    threads = [
        threading.Thread(target=_note_end, args=(ends, lane, own))
        for lane, own in zip(lanes, tasks, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in (*threads, thaw):
        thread.join()
    disturbed_s, undisturbed_s = (ends[lane.url] - began for lane in lanes)
    print(f"   {FROZEN_TASKS} parses, RabbitMQ frozen for {FROZEN_S:.0f} s: {disturbed_s:.1f} s")
    print(f"   the same without RabbitMQ: {undisturbed_s:.1f} s")
    print(f"   difference: {disturbed_s - undisturbed_s:+.2f} s   (promised <= 2)")
    _arrived(told.deployment, tasks[0])


def _note_end(ends: dict[str, float], lane: Lane, tasks: Sequence[str]) -> None:
    _succeed(lane, tasks)
    ends[lane.url] = time.monotonic()


def _arrived(deployment: Deployment, tasks: Sequence[str]) -> None:
    if not isinstance(deployment, Production):
        raise TypeError("nobody was told")
    ids = set(tasks)
    progress, analytics = deployment.progress, deployment.analytics
    poll(
        lambda: ids <= _completed(progress).keys() and ids <= _analysed(analytics).keys(),
        seconds=90,
        every_s=0.5,
    )
    completes, events = _completed(progress), _analysed(analytics)
    exactly = sum(completes[one] == events[one] == 1 for one in ids)
    print(f"   one Complete and one analytics event arrived: {exactly} of {len(ids)} tasks")


def _completed(mailbox: Mailbox) -> Counter[str]:
    return Counter(m["taskId"] for m in mailbox.look() if m["status"] == "Complete")


def _analysed(mailbox: Mailbox) -> Counter[str]:
    return Counter(dict(m["data"]["tags"])["taskId"] for m in mailbox.look())


def _away(lane: Lane, store: SeaweedServer) -> None:
    remote = lane.deployment.folder / "remote"
    (remote / "slow_s").write_text(str(AWAY_PARSE_S))
    before = len((remote / "uploads").read_text().splitlines())
    keys = [_put(lane.deployment, 9000 + n) for n in range(AWAY_TASKS)]
    began = time.monotonic()
    tasks = [_send(lane.deployment, key) for key in keys]
    poll(lambda: len((remote / "uploads").read_text().splitlines()) > before, every_s=0.01)
    store.kill()
    time.sleep(AWAY_S)
    store.start()
    _succeed(lane, tasks)
    took_s = time.monotonic() - began
    parsed = (remote / "uploads").read_text().splitlines()[before:]
    print(f"   {AWAY_TASKS} tasks, the store away for {AWAY_S:.0f} s: none failed, {took_s:.1f} s")
    print(f"   parser calls: {len(parsed)} for {len(set(parsed))} replays")
    _arrived(lane.deployment, tasks)


if __name__ == "__main__":
    main()
