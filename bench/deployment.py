"""The service over SeaweedFS and RabbitMQ beside an empty task, and with each of them away.

Queues are filled while the worker is frozen, so that only the worker is measured. What publishing
costs a whole worker is the difference to the same service without RabbitMQ, in processor time; what
it costs the task itself, `bench.sinks` measures. While RabbitMQ is frozen, that other service does
the same work at the same time.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
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
from bench.promises import promise
from bench.worker import rss_mib
from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.production import Mailbox, Production
from devkit.servers.rabbitmq import RabbitServer, rabbitmq
from devkit.servers.seaweedfs import SeaweedServer, seaweedfs
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.testing import believable_match, synthetic_replay

PLUGINS = Path(__file__).parents[1] / "tests" / "worker" / "plugins"
ROOT = Path(__file__).parents[1]
#: Short rounds in turns: the machine's own pace drifts by half within minutes.
TASKS, ROUNDS = 350, 9
#: Of the replays whose results are stored before: away from those that are parsed later.
FIRST_SEEDS = (10_000, 20_000)
#: A repeat may come after all else.
LAST_REPEAT_S = 3.0
#: What is promised: of the empty task's rate, of a worker in all, and while RabbitMQ is frozen.
#: The first is the least that was seen in fourteen runs of one machine, 0.26 to 0.41.
LEAST_RATIO, MOST_MIB, LONGEST_DELAY_S = 0.25, 90, 2.0
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
        reporting = stack.enter_context(_service(root / "reporting", server, 0, store, broker))
        silent = stack.enter_context(_service(root / "silent", server, 1, store, None))
        noop = stack.enter_context(_noop(root / "noop", server.url(2)))
        _rates(noop, reporting, silent)
        _frozen(reporting, silent, broker)
        _away(reporting, store)


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
    made = Production(folder, config, environ, store=store, broker=broker, start=subprocess.Popen)
    try:
        worker = made.worker("--concurrency", str(SLOTS), "--log-level", "warning")
        made.send(_put(made, 1)).get(timeout=60)
        yield Lane(made, worker, url)
    finally:
        made.close()


@contextmanager
def _noop(folder: Path, url: str) -> Iterator[Lane]:
    folder.mkdir()
    celery = {"broker": url, "backend": url, "queue": "celery"}
    environ = {"NOOP_URL": url, "PYTHONPATH": str(ROOT)}
    made = Deployment(folder, {"celery": celery}, environ, start=subprocess.Popen)
    command = [sys.executable, "-m", "celery", "-A", "bench.noop", "worker"]
    options = ["-P", "threads", "--concurrency", str(SLOTS), "-l", "warning"]
    log = folder / "worker.log"
    worker = WorkerProcess([*command, *options], made.environ, log, start=subprocess.Popen)
    made.workers.append(worker)
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


def _rates(noop: Lane, reporting: Lane, silent: Lane) -> None:
    """Compare for results that are next to nothing, and for ones as large as Ballchasing's."""
    for first_seed, body in zip(FIRST_SEEDS, ("", json.dumps(body_of_a_match())), strict=True):
        if body:
            for lane in (reporting, silent):
                (lane.deployment.folder / "remote" / "body").write_text(body)
        size = len(body) / 1000 or 0.1
        print(f"   {TASKS} results of {size:.1f} KB, each asked for once a round:")
        _compare(noop, reporting, silent, _stored(silent, first_seed))


def _stored(lane: Lane, first_seed: int) -> list[str]:
    """The keys of replays that differ, each with a result of its own in the store of both lanes."""
    keys = [_put(lane.deployment, seed) for seed in range(first_seed, first_seed + TASKS)]
    _succeed(lane, [_send(lane.deployment, key) for key in keys])
    return keys


def _compare(noop: Lane, reporting: Lane, silent: Lane, keys: Sequence[str]) -> None:
    rounds = [
        (
            _measure(noop, [partial(_send_noop, noop.deployment)] * TASKS),
            _measure(reporting, [partial(_send, reporting.deployment, key) for key in keys]),
            _measure(silent, [partial(_send, silent.deployment, key) for key in keys]),
        )
        for _ in range(ROUNDS)
    ]
    for name, column in zip(
        ("no-op", "cached, reporting", "cached, silent"), zip(*rounds, strict=True), strict=True
    ):
        rate, cpu_ms = (
            statistics.median(getattr(m, x) for m in column) for x in ("rate", "cpu_ms")
        )
        print(f"   {name:15} {rate:5.0f} tasks/s, {cpu_ms:.2f} ms of processor time each")
    ratio = statistics.median(ours.rate / empty.rate for empty, ours, _ in rounds)
    cost_ms = statistics.median(ours.cpu_ms - silent.cpu_ms for _, ours, silent in rounds)
    kept = ratio >= LEAST_RATIO
    promise("cached and told / no-op", f"{ratio:.2f}", f">= {LEAST_RATIO}", kept=kept)
    print(f"   publishing, in all threads of the worker: {cost_ms:.2f} ms of processor time each")
    memory_mib = rss_mib(reporting.worker.pid)
    kept = memory_mib <= MOST_MIB
    promise("worker memory in all", f"{memory_mib:.0f} MiB", f"<= {MOST_MIB}", kept=kept)


def _measure(lane: Lane, sends: Sequence[Send]) -> Measured:
    lane.worker.signal(signal.SIGSTOP)
    tasks = [send() for send in sends]
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


def _frozen(reporting: Lane, silent: Lane, broker: RabbitServer) -> None:
    lanes, repeats = (reporting, silent), _repeats(reporting.deployment)
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
    delay_s = disturbed_s - undisturbed_s
    kept = delay_s <= LONGEST_DELAY_S
    promise("difference", f"{delay_s:+.2f} s", f"<= {LONGEST_DELAY_S:.0f}", kept=kept)
    _check_arrived(reporting.deployment, tasks[0], repeats)


def _note_end(ends: dict[str, float], lane: Lane, tasks: Sequence[str]) -> None:
    _succeed(lane, tasks)
    ends[lane.url] = time.monotonic()


def _mailboxes(deployment: Deployment) -> tuple[Mailbox, Mailbox]:
    if not isinstance(deployment, Production):
        raise TypeError("nobody was told")
    return deployment.progress, deployment.analytics


def _repeats(deployment: Deployment) -> int:
    """How many messages came under an id that was known, from the beginning."""
    mailboxes = _mailboxes(deployment)
    for mailbox in mailboxes:
        mailbox.look()
    return sum(mailbox.repeats for mailbox in mailboxes)


def _check_arrived(deployment: Deployment, tasks: Sequence[str], repeats: int) -> None:
    """Check what came, by message id, and what came again since there were so many repeats."""
    ids = set(tasks)
    progress, analytics = _mailboxes(deployment)
    poll(
        lambda: ids <= _completed(progress).keys() and ids <= _analysed(analytics).keys(),
        seconds=90,
        every_s=0.5,
    )
    time.sleep(LAST_REPEAT_S)
    again = _repeats(deployment) - repeats
    completes, events = _completed(progress), _analysed(analytics)
    exactly = sum(completes[one] == events[one] == 1 for one in ids)
    what, shown = "one Complete and one analytics event, by their ids", f"{exactly} of {len(ids)}"
    promise(what, shown, "of all tasks", kept=exactly == len(ids))
    print(f"   messages that came again, with the same id: {again}")


def _completed(mailbox: Mailbox) -> Counter[str]:
    return Counter(m["taskId"] for m in mailbox.look() if m["status"] == "Complete")


def _analysed(mailbox: Mailbox) -> Counter[str]:
    return Counter(dict(m["data"]["tags"])["taskId"] for m in mailbox.look())


def _away(lane: Lane, store: SeaweedServer) -> None:
    remote = lane.deployment.folder / "remote"
    (remote / "slow_s").write_text(str(AWAY_PARSE_S))
    before = len((remote / "uploads").read_text().splitlines())
    repeats = _repeats(lane.deployment)
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
    once = len(parsed) == len(set(parsed)) == AWAY_TASKS
    shown = f"{len(parsed)} for {len(set(parsed))} replays"
    promise("parser calls", shown, "one each", kept=once)
    _check_arrived(lane.deployment, tasks, repeats)


if __name__ == "__main__":
    main()
