"""How many workers one Redis bears: what a fleet costs the server, and how it serves its callers.

    python -m trials.capacity --workers 200 --queued 100000 --waiting 20000

A real Valkey, and workers of `trials.simulated_fleet`. "A second" is one of the fleet's. Commands
count those inside scripts too; CPU is the server's own, as INFO has it, without what it takes idle.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from celery import Celery

from devkit.servers.valkey import valkey
from parsekit.worker.redis import keys
from parsekit.worker.redis.transport import LATER
from trials.chaos import say
from trials.simulated_fleet import WAITS_HEADER, SimulatedFleet

#: What costs more than so a member, as the fleet grows, does not scale.
MOST_EXPONENT = 1.05
#: Workers in turn, for the growth.
SIZES = (10, 100, 1000)
#: Beats in all at each size, so that each is measured as well as the others; seconds without work.
BEATS = 5000
IDLE_S = 6.0
#: Length of the busy part; how many interactive tasks a second come beside the back-fill.
BUSY_S, INTERACTIVE_PER_S = 20.0, 20.0
#: The share of workers that die at once, and of waiting tasks that are of a back-fill.
DYING, BULK = 0.1, 0.8
#: How long the fleet gets to notice deaths and to take what is due.
REST_S = 120.0
#: A task that waits goes back to wait so long; longer than anything here takes.
HOP_S = 3600.0
#: Connections of one worker with a pool of threads and 8 slots, counted with CLIENT LIST.
CONNECTIONS = 32
#: What a dead worker had is back within this time.
MOST_NOTICED_S = 10.0
#: What is less can't be told from what the server does anyway.
_LEAST_CPU_S = 1e-6
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the server did in some seconds of the fleet."""

    commands: int
    cpu_s: float
    seconds: float

    @property
    def commands_per_s(self) -> float:
        """Commands in a second of the fleet."""
        return self.commands / self.seconds

    @property
    def cpu_share(self) -> float:
        """Share of a core."""
        return self.cpu_s / self.seconds


@dataclass(slots=True)
class Meter:
    """Reads the server. ``idle_share`` is what it takes of a core when nobody asks anything."""

    fleet: SimulatedFleet
    idle_share: float = 0.0
    last: Cost = field(default_factory=lambda: Cost(commands=0, cpu_s=0.0, seconds=1.0))

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Have in ``last`` what the block cost."""
        commands, cpu_s, now, began = *self._read(), self.fleet.now, time.monotonic()
        yield
        more, spent_s = self._read()
        idle_s = self.idle_share * (time.monotonic() - began)
        self.last = Cost(
            commands=more - commands,
            cpu_s=max(_LEAST_CPU_S, spent_s - cpu_s - idle_s),
            seconds=max(self.fleet.now - now, 1e-9),
        )

    def _read(self) -> tuple[int, float]:
        facts = self.fleet.client.info("all")
        calls = sum(each["calls"] for name, each in facts.items() if name.startswith("cmdstat_"))
        return calls, facts["used_cpu_user"] + facts["used_cpu_sys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What beats, and all that an idle fleet sends, cost at each size."""

    beats: list[Cost]
    idle: list[Cost]

    def exponents(self, sizes: Sequence[int]) -> dict[str, float]:
        """By what is measured: 1 is as many times more as there are workers."""
        ways = {"beats": self.beats, "idle": self.idle}
        return {
            f"{way}, {what}": _exponent(sizes, [getattr(cost, name) for cost in costs])
            for way, costs in ways.items()
            for what, name in (("commands", "commands_per_s"), ("CPU", "cpu_share"))
        }


def _exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Slope of the line through the logarithms, by least squares."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum(
        (a - x) ** 2 for a in xs
    )


def growth(url: str, sizes: Sequence[int], *, beats: int = BEATS, idle_s: float = IDLE_S) -> Growth:
    """Beats alone, then all that workers without work send."""
    found = Growth(beats=[], idle=[])
    for size in sizes:
        with closing(SimulatedFleet(url)) as fleet:
            fleet.client.flushall()
            meter = Meter(fleet, _idle_share(fleet))
            fleet.grow(size)
            with meter.measure():
                for _ in range(max(1, beats // size)):
                    fleet.now += 1
                    for worker in fleet.workers:
                        worker.member.beat()
            found.beats.append(meter.last)
            fleet.run(2)
            with meter.measure():
                fleet.run(idle_s)
            found.idle.append(meter.last)
    return found


def _idle_share(fleet: SimulatedFleet) -> float:
    meter = Meter(fleet)
    began = time.monotonic()
    with meter.measure():
        time.sleep(1)
    return meter.last.cpu_s / (time.monotonic() - began)


class Trial:
    """One fleet at work. ``waits_s`` has how long messages waited, by the queue they came from."""

    def __init__(self, fleet: SimulatedFleet, queued: int, waiting: int) -> None:
        self.fleet, self.queued, self.waiting = fleet, queued, waiting
        self.waits_s: dict[str, list[float]] = {}
        self._sent_at: dict[str, float] = {}
        self._meter = Meter(fleet, _idle_share(fleet))
        self._client, self._at = fleet.client, fleet.at
        self._text = _message(fleet)
        fleet.on_taken = self._note

    def _note(self, queue: str, task_id: str) -> None:
        if (sent_at := self._sent_at.pop(task_id, None)) is not None:
            self.waits_s.setdefault(queue, []).append(self.fleet.now - sent_at)

    def _of(self, task_id: str, queue: str, **headers: object) -> str:
        message = json.loads(self._text)
        message["headers"].update(headers, id=task_id)
        message["properties"]["correlation_id"] = task_id
        message["properties"]["delivery_info"]["routing_key"] = queue
        return json.dumps(message)

    def fill(self) -> float:
        """Queue the back-fill and let the others wait; return the bytes that a message takes."""
        before = self._client.info("memory")["used_memory"]
        for first in range(0, self.queued, _PAGE):
            names = [f"bulk-{n}" for n in range(first, min(first + _PAGE, self.queued))]
            self._client.lpush(
                self._at.bulk_queue, *(self._of(name, self._at.bulk_queue) for name in names)
            )
        bulk = int(self.waiting * BULK)
        for first in range(0, self.waiting, _PAGE):
            with self._client.pipeline(transaction=False) as pipe:
                for n in range(first, min(first + _PAGE, self.waiting)):
                    queue, due = self._at.poll_queue, keys.DUE
                    if n < bulk:
                        queue, due = self._at.bulk_poll_queue, keys.BULK_DUE
                    text = self._of(f"waits-{n}", queue, **{WAITS_HEADER: HOP_S})
                    given = [f"waits-{n}", HOP_S, f"{queue}\n{text}", "1"]
                    pipe.eval(LATER, 2, due, keys.WAITING, *given)
                pipe.execute()
        grown = self._client.info("memory")["used_memory"] - before
        return float(grown) / max(1, self.queued + self.waiting)

    def work(self, seconds: float) -> Cost:
        """Run the back-fill, and interactive tasks that come meanwhile."""
        begun = self.fleet.now

        def send() -> None:
            due = int((self.fleet.now - begun) * INTERACTIVE_PER_S)
            for n in range(sent[0], due):
                name = f"asked-{n}"
                self._sent_at[name] = self.fleet.now
                self._client.lpush(self._at.queue, self._of(name, self._at.queue))
            sent[0] = due

        sent = [0]
        with self._meter.measure():
            self.fleet.run(seconds, send)
        return self._meter.last

    def all_due(self) -> Cost:
        """Have all that wait be due at once, those of the back-fill first; each waits again."""
        for due, at_ms in ((keys.BULK_DUE, 1), (keys.DUE, 2)):
            names = self._client.zrange(due, 0, -1)
            self._client.zadd(due, dict.fromkeys(names, at_ms), xx=True)
            self._sent_at |= {name.decode(): self.fleet.now for name in names}
        waits, ends = len(self._sent_at), self.fleet.now + REST_S
        with self._meter.measure():
            while self._sent_at and self.fleet.now < ends:
                self.fleet.run(1)
        if self._sent_at:
            raise RuntimeError(f"{len(self._sent_at)} of {waits} were not taken in {REST_S:g} s")
        return self._meter.last

    def die(self) -> list[float]:
        """Kill a share of the workers at once, start others, and return when each was noticed."""
        dying = self.fleet.workers[:: round(1 / DYING)]
        died = {worker.id.encode(): self.fleet.now for worker in dying}
        for worker in dying:
            self.fleet.kill(worker)
        noticed: list[float] = []

        def look() -> None:
            alive = set(self._client.zrange(keys.BEATS, 0, -1))
            gone = [name for name in died if name not in alive and not self._has(name)]
            noticed.extend(self.fleet.now - died.pop(name) for name in gone)

        self.fleet.grow(len(dying))
        ends = self.fleet.now + REST_S
        while died and self.fleet.now < ends:
            self.fleet.run(1, look)
        return noticed + [math.inf] * len(died)

    def say_waits(self) -> None:
        """Print how long messages waited since the last time."""
        for queue, waits_s in sorted(self.waits_s.items()):
            say(f"  {queue}: taken after {median(waits_s):.1f} s, at most {max(waits_s):.1f} s")
        self.waits_s.clear()

    def _has(self, member: bytes) -> bool:
        return bool(self._client.exists(keys.taken(member.decode())))


def _message(fleet: SimulatedFleet) -> str:
    """A task's message, as a caller of Celery writes it."""
    with closing(Celery(broker=fleet.url, set_as_current=False)) as app:
        kwargs = {"replayObjectPath": "replays/one.replay"}
        app.send_task("parseReplay", kwargs=kwargs, queue=fleet.at.queue)
    text: bytes = fleet.client.lpop(fleet.at.queue)
    return text.decode()


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="trials.capacity", description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="for the growth")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="parsekit-capacity-") as folder,
        valkey(Path(folder), "--appendfsync", "everysec") as server,
    ):
        well = _growth(server.url(), given.sizes)
        return 0 if _work(server.url(), given) and well else 1


def _growth(url: str, sizes: Sequence[int]) -> bool:
    found = growth(url, sizes)
    say("workers   beats: commands/s    CPU   all of an idle fleet: commands/s    CPU")
    for size, beats, idle in zip(sizes, found.beats, found.idle, strict=True):
        say(
            f"{size:7} {beats.commands_per_s:18.0f} {beats.cpu_share:6.2%} "
            f"{idle.commands_per_s:33.0f} {idle.cpu_share:6.1%}"
        )
    exponents = found.exponents(sizes)
    say("grows as workers^x: " + ", ".join(f"{name} {x:.2f}" for name, x in exponents.items()))
    return all(x <= MOST_EXPONENT for x in exponents.values())


def _work(url: str, given: Any) -> bool:
    with closing(SimulatedFleet(url)) as fleet:
        fleet.client.flushall()
        trial = Trial(fleet, given.queued, given.waiting)
        say(f"{given.queued} queued, {given.waiting} waiting: {trial.fill():.0f} bytes each")
        fleet.grow(given.workers)
        fleet.run(2)
        ended = sum(fleet.ended.values())
        busy = trial.work(BUSY_S)
        rate = (sum(fleet.ended.values()) - ended) / BUSY_S
        say(
            f"{given.workers} workers at work: {busy.commands_per_s:.0f} commands/s, "
            f"{busy.cpu_share:.1%} of a core, {rate:.0f} tasks/s"
        )
        trial.say_waits()
        hops = trial.all_due()
        say(
            f"{given.waiting} tasks due at once, taken in {hops.seconds:.1f} s: "
            f"{hops.cpu_s / max(1, given.waiting) * 1e6:.0f} µs of the store each"
        )
        trial.say_waits()
        noticed = trial.die()
        say(
            f"{len(noticed)} workers died: what they had is back in its queue after "
            f"{median(noticed):.1f} s, at most {max(noticed):.1f} s"
        )
        twice = sum(count - 1 for count in fleet.ended.values())
        say(f"{twice} tasks ended twice")
        _say_bottleneck(fleet, given.workers, busy)
        return twice == 0 and max(noticed) < MOST_NOTICED_S


def _say_bottleneck(fleet: SimulatedFleet, workers: int, busy: Cost) -> None:
    by_cpu = round(workers / busy.cpu_share)
    most = int(fleet.client.config_get("maxclients")["maxclients"]) // CONNECTIONS
    first = "the CPU of the store" if by_cpu < most else "its connections"
    say(
        f"first bottleneck: {first}; one core bears {by_cpu} such workers, "
        f"{CONNECTIONS} connections each {most}"
    )


if __name__ == "__main__":
    sys.exit(main())
