"""What publishing to RabbitMQ costs a task: our sinks beside kombu called in the task, and none.

Each task computes for a few milliseconds, then tells three steps of progress, of which the last
carries a result of some 40 kB, and one analytics event. As on the road, the result was encoded
before. Rounds alternate. The last line freezes RabbitMQ (SIGSTOP) in the middle of the tasks.

Three things are told of the sinks: the processor time of the task's own thread, that of the whole
process with the publisher's thread, and how much later a task ends while RabbitMQ works for it on
the same processors.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import kombu

from bench.promises import promise
from devkit.servers.rabbitmq import RabbitServer, rabbitmq
from parsekit import JsonObject, Outcome
from parsekit.json_text import encoded
from parsekit.testing.sinks import HostedSink, outcome_of
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

TASKS, ROUNDS = 200, 5
FROZEN_S = 5.0
#: What is promised of the task's own thread.
MOST_MS = 1.0
DATA: JsonObject = {"players": [{"stat": n, "name": "x" * 20} for n in range(900)]}

DATA_TEXT = encoded(DATA)

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a task took: until it ended, and of processor time its thread and the whole process."""

    wall_ms: float
    thread_ms: float
    process_ms: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.wall_ms - other.wall_ms,
            self.thread_ms - other.thread_ms,
            self.process_ms - other.process_ms,
        )


def result_of(name: str) -> Outcome:
    """As the road hands it on, with the text of its data."""
    return replace(outcome_of(name, data=DATA), data_text=DATA_TEXT)


def work() -> None:
    """Two milliseconds or so, as a cached replay takes."""
    hashlib.sha256(bytes(3_000_000)).hexdigest()


def tasks(report: Report, sent: Callable[[], bool] = lambda: True) -> Cost:
    """Do `TASKS`; the process's time goes on until all is ``sent``."""
    process, thread, wall = time.process_time(), time.thread_time(), time.perf_counter()
    for number in range(TASKS):
        work()
        report(f"task-{number}")
    wall, thread = time.perf_counter() - wall, time.thread_time() - thread
    while not sent():
        time.sleep(0.05)
    process = time.process_time() - process
    return Cost(*(seconds / TASKS * 1000 for seconds in (wall, thread, process)))


@contextmanager
def ours(url: str, folder: Path) -> Iterator[tuple[Report, RabbitSinks]]:
    """The plugin, as a driver tells it."""
    plugin = RabbitSinks()
    listener = HostedSink(plugin, {"transport": {"url": url}}, folder)
    listener.open()

    def report(name: str) -> None:
        listener.task(result_of(name), "progress")

    yield report, plugin
    listener.close(30)


@contextmanager
def inline(url: str) -> Iterator[Report]:
    """Kombu's producer in the task itself, confirmed and mandatory, as the sinks promise."""
    with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer()

        def report(name: str) -> None:
            for body in ('{"step":1}', '{"step":2}', result_of(name).to_result_text()):
                publish(body, "progress", 1)
            publish(encoded({"event": name}), "analytics", 2)

        def publish(body: str, queue: str, mode: int) -> None:
            producer.publish(
                body,
                content_type="application/json",
                content_encoding="utf-8",
                routing_key=queue,
                delivery_mode=mode,
                mandatory=True,
            )

        yield report


def drained(plugin: RabbitSinks) -> bool:
    """Whether everything was confirmed."""
    snapshot = plugin.snapshot()
    return snapshot is not None and not snapshot.waiting and not snapshot.spooled_bytes


def empty(broker: RabbitServer) -> None:
    """Queues of the last round would slow the next."""
    for queue in ("progress", "analytics"):
        broker.ctl("purge_queue", queue)


def compare(broker: RabbitServer, folder: Path) -> None:
    """Alternate the three, and print medians of what was added."""
    own: list[Cost] = []
    inlined: list[Cost] = []
    with ours(broker.url(), folder) as (report, plugin), inline(broker.url()) as report_inline:
        tasks(report, partial(drained, plugin))
        for _ in range(ROUNDS):
            none = tasks(lambda _: None)
            own.append(tasks(report, partial(drained, plugin)) - none)
            inlined.append(tasks(report_inline) - none)
            empty(broker)
    print("   added to a task, ms           its own thread   whole process   until it ends")
    _print("by the sinks", own)
    _print("by kombu in the task", inlined)
    thread_ms = statistics.median(cost.thread_ms for cost in own)
    kept = thread_ms < MOST_MS
    promise("the task's own time for the sinks", f"{thread_ms:.2f} ms", f"< {MOST_MS}", kept=kept)


def _print(name: str, costs: Sequence[Cost]) -> None:
    thread, process, wall = (
        statistics.median(getattr(cost, column) for cost in costs)
        for column in ("thread_ms", "process_ms", "wall_ms")
    )
    print(f"   {name:27} {thread:16.2f} {process:15.2f} {wall:15.2f}")


def freeze(broker: RabbitServer, folder: Path) -> None:
    """Tasks go on while RabbitMQ is frozen; say what became of their messages."""
    undisturbed_s = tasks(lambda _: None).wall_ms * TASKS / 1000
    with ours(broker.url(), folder) as (report, plugin):
        tasks(report, partial(drained, plugin))
        broker.freeze()
        thaw = threading.Timer(FROZEN_S, broker.thaw)
        thaw.start()
        took_s = tasks(report).wall_ms * TASKS / 1000
        thaw.join()
        while not drained(plugin):
            time.sleep(0.05)
        snapshot = plugin.snapshot()
    print(f"   frozen for {FROZEN_S:.0f} s: took {took_s:.2f} s, undisturbed {undisturbed_s:.2f} s")
    if snapshot is not None:
        for kind in ("progress", "analytics"):
            counts = getattr(snapshot, kind)
            dropped = json.dumps(dict(counts.dropped))
            print(f"   {kind}: sent {counts.sent}, of them late {counts.late}, lost {dropped}")


def main() -> None:
    """Run both against a node of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with rabbitmq(folder / "node") as broker:
            compare(broker, folder)
            freeze(broker, folder)


if __name__ == "__main__":
    main()
