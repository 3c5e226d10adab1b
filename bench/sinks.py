"""What telling RabbitMQ costs a task: our sinks beside kombu called in the task, and no telling.

Each task computes for a few milliseconds, then tells three steps of progress, of which the last
carries a result of some 40 kB, and one analytics event. Rounds alternate. The last line freezes
RabbitMQ (SIGSTOP) in the middle of the tasks.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu

from parsekit import JsonObject
from parsekit.testing.servers.rabbitmq import RabbitServer, rabbitmq
from parsekit.testing.sinks import Listener, outcome_of
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

TASKS, ROUNDS = 200, 5
FROZEN_S = 5.0
DATA: JsonObject = {"players": [{"stat": n, "name": "x" * 20} for n in range(900)]}

Tell = Callable[[str], None]


def work() -> None:
    """Two milliseconds or so, as a cached replay takes."""
    hashlib.sha256(bytes(3_000_000)).hexdigest()


def tasks(tell: Tell, count: int = TASKS) -> float:
    """Seconds a task takes, told or not."""
    began = time.perf_counter()
    for number in range(count):
        work()
        tell(f"task-{number}")
    return (time.perf_counter() - began) / count


@contextmanager
def ours(url: str, folder: Path) -> Iterator[tuple[Tell, RabbitSinks]]:
    """The plugin, as a driver tells it."""
    plugin = RabbitSinks()
    listener = Listener(plugin, {"transport": {"url": url}}, folder)
    listener.open()

    def tell(name: str) -> None:
        listener.task(outcome_of(name, data=DATA), "progress")

    yield tell, plugin
    listener.close(30)


@contextmanager
def inline(url: str) -> Iterator[Tell]:
    """Kombu's producer in the task itself, confirmed and mandatory, as the sinks promise."""
    with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer(serializer="json")

        def tell(name: str) -> None:
            result = outcome_of(name, data=DATA).to_result()
            for body in ({"step": 1}, {"step": 2}, {"result": result}):
                publish(body, "progress", 1)
            publish({"event": name}, "analytics", 2)

        def publish(body: JsonObject, queue: str, mode: int) -> None:
            producer.publish(body, routing_key=queue, delivery_mode=mode, mandatory=True)

        yield tell


def drained(plugin: RabbitSinks) -> bool:
    """Whether everything was confirmed."""
    snapshot = plugin.snapshot()
    return snapshot is not None and not snapshot.waiting and not snapshot.spooled_bytes


def empty(broker: RabbitServer) -> None:
    """Queues of the last round would slow the next."""
    for queue in ("progress", "analytics"):
        broker.ctl("purge_queue", queue)


def compare(broker: RabbitServer, folder: Path) -> None:
    """Alternate the three, and print medians."""
    costs: dict[str, list[float]] = {"none": [], "ours": [], "inline": []}
    with ours(broker.url(), folder) as (tell, plugin), inline(broker.url()) as tell_inline:
        tasks(tell, 5)
        for _ in range(ROUNDS):
            costs["none"].append(tasks(lambda _: None))
            costs["ours"].append(tasks(tell))
            while not drained(plugin):
                time.sleep(0.01)
            costs["inline"].append(tasks(tell_inline))
            empty(broker)
    none, own, kombu_s = (statistics.median(costs[name]) for name in ("none", "ours", "inline"))
    print(f"   a task without telling      {none * 1e3:6.2f} ms")
    print(f"   added by the sinks          {(own - none) * 1e3:6.2f} ms")
    print(f"   added by kombu in the task  {(kombu_s - none) * 1e3:6.2f} ms")
    print(f"   ratio of the two            {(own - none) / (kombu_s - none):6.2f}")


def freeze(broker: RabbitServer, folder: Path) -> None:
    """Tasks go on while RabbitMQ is frozen; say what became of their messages."""
    undisturbed = tasks(lambda _: None) * TASKS
    with ours(broker.url(), folder) as (tell, plugin):
        tasks(tell, 5)
        broker.freeze()
        thaw = threading.Timer(FROZEN_S, broker.thaw)
        thaw.start()
        took = tasks(tell) * TASKS
        thaw.join()
        while not drained(plugin):
            time.sleep(0.05)
        snapshot = plugin.snapshot()
    print(f"   frozen for {FROZEN_S:.0f} s: took {took:.2f} s, untold {undisturbed:.2f} s")
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
