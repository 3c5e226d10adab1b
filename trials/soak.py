"""Keep a whole service at work for as long as you like, and see whether it stays as it is.

    python -m trials.soak --rate 20 --seconds 600 [--fresh 0.1] [--parser P] [--broker B]

``--fresh`` is the share of tasks whose replay nobody has parsed yet; the others find a result.
Prints throughput, latency, memory and descriptors over time, whether they move, and every promise
that was broken.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import kombu

from devkit.contract import Contract
from devkit.deployment import poll
from parsekit import JsonObject
from trials.answers import wait_for_all
from trials.chaos import say
from trials.fleet import Broker, Fleet, Parser, Plan, fleet
from trials.load import Asked, Load, Shares
from trials.promises import all_was_published, broken
from trials.pulse import Pulse, pulse, tasks_counted, trends
from trials.remains import in_service

#: Numbers that move by a larger share after the warm-up, up or down, are not flat.
FLAT = 0.05
#: The warm-up takes this share of the time: children are started, caches filled, heaps found.
WARM_UP = 0.25
#: Callers that send less than this share of the rate measure themselves, not the service.
KEPT_UP = 0.95
#: So many replays that nobody has parsed are sent at once before all others, so that each process
#: of a pool has its parser's from the beginning: one that starts late looks like a leak.
BURST = 32
#: All tasks are to be parsed, and run once.
NOTHING_ODD = Shares(twice=0.0, damaged=0.0, bulk=0.0, cancelled=0.0, broken_off=0.0)
#: How long tasks get to end once none is sent any more, seconds.
REST_S = 120.0
#: Rows that are printed.
ROWS = 20


@dataclass(slots=True)
class Ends:
    """When the callers heard of the end of each task, as they read it from the progress queue."""

    fleet: Fleet
    at: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Read until told to stop; what is read is kept for `trials.promises`."""
        mailbox = self.fleet.deployment.progress
        with kombu.Connection(mailbox.url) as connection:
            while not self._stopped.is_set():
                for message in mailbox.take(connection):
                    self._note(message)
                self._stopped.wait(0.01)

    def stop(self) -> None:
        """End `listen`."""
        self._stopped.set()

    def _note(self, message: JsonObject) -> None:
        if message["status"] != "Pending":
            self.at.setdefault(message["taskId"], time.monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One row: what happened in it, and how the workers were at its end."""

    pulse: Pulse
    per_s: float
    latencies_s: Sequence[float]

    def __str__(self) -> str:
        middle, high = (_quantile_ms(self.latencies_s, share) for share in (0.5, 0.95))
        p = self.pulse
        return (
            f"{p.at_s:6.0f} {self.per_s:8.1f} {middle:>8} {high:>8} "
            f"{p.memory_mib:8.1f} {p.descriptors:7} {p.threads:7} {p.processes:6}"
        )


HEAD = "     s  tasks/s   p50 ms   p95 ms      MiB     fds threads  procs"


def soak(
    plan: Plan, folder: Path, rate: float, seconds: float, fresh: float, contract: Contract | None
) -> list[str]:
    """One run in an empty folder; prints as it goes, and answers what was broken."""
    dice = random.Random(1)  # noqa: S311  (no secret)
    with fleet(plan, folder) as made:
        load, ends = Load(made, dice, NOTHING_ODD), Ends(made)
        reader = threading.Thread(target=ends.listen, daemon=True)
        reader.start()
        spans = _work(load, ends, rate, seconds, fresh)
        wait_for_all(made, load.tasks, REST_S)
        with suppress(TimeoutError):
            poll(partial(all_was_published, load), seconds=REST_S, every_s=0.5)
        ends.stop()
        reader.join()
        with suppress(TimeoutError):
            poll(lambda: not in_service(made), seconds=30, every_s=0.5)
        say(f"{len(load.tasks)} tasks, {len(load.contents)} contents")
        return [
            *not_flat([span.pulse for span in spans]),
            *_slow_callers(len(load.tasks) - BURST, rate * seconds),
            *_miscounted(made, len(load.tasks)),
            *broken(load, contract=contract),
        ]


def _work(load: Load, ends: Ends, rate: float, seconds: float, fresh: float) -> list[Span]:
    """Send at the rate, and look at the workers from time to time."""
    sent: dict[str, float] = {}
    spans: list[Span] = []
    wait_for_all(load.fleet, [load.send(number).task_id for number in range(BURST)], REST_S)
    began = time.monotonic()
    say(HEAD)
    while (now := time.monotonic()) < began + seconds:
        while len(load.tasks) - BURST < (now - began) * rate:
            asked = _send(load, fresh)
            sent[asked.task_id] = time.monotonic()
        if now - began >= (len(spans) + 1) * seconds / ROWS:
            tasks_counted(load.fleet)  # as Prometheus looks now and then
            spans.append(_span(load, ends, sent, now - began, seconds / ROWS))
            say(str(spans[-1]))
        time.sleep(min(0.02, 0.5 / rate))
    return spans


def _send(load: Load, fresh: float) -> Asked:
    if load.dice.random() < fresh:
        return load.send(len(load.tasks))
    return load.send_stored(load.dice.choice(list(load.tasks.values())[:1000]))


def _span(load: Load, ends: Ends, sent: dict[str, float], at_s: float, length_s: float) -> Span:
    since = time.monotonic() - length_s
    ended = {name: at for name, at in list(ends.at.items()) if at > since}
    return Span(
        pulse=pulse(load.fleet, at_s),
        per_s=len(ended) / length_s,
        latencies_s=[at - sent[name] for name, at in ended.items() if name in sent],
    )


def not_flat(pulses: Sequence[Pulse]) -> list[str]:
    """What has moved since the warm-up."""
    found = trends(pulses[int(len(pulses) * WARM_UP) :])
    for trend in found:
        say(str(trend))
    return [
        f"{trend.name} moved by {trend.share:+.1%}" for trend in found if abs(trend.share) > FLAT
    ]


def _slow_callers(sent: int, wanted: float) -> list[str]:
    slow = sent < KEPT_UP * wanted
    return [f"only {sent} of {wanted:.0f} tasks could be sent in that time"] if slow else []


def _miscounted(made: Fleet, tasks: int) -> list[str]:
    """Whether `/metrics` told of each task once; processes of a pool tell every two seconds."""
    with suppress(TimeoutError):
        poll(lambda: tasks_counted(made) >= tasks, seconds=10, every_s=0.5)
    counted = tasks_counted(made)
    return [] if counted == tasks else [f"/metrics tells of {counted} tasks, there were {tasks}"]


def _quantile_ms(values_s: Sequence[float], share: float) -> str:
    ordered = sorted(values_s)
    return f"{ordered[int(share * len(ordered))] * 1000:.0f}" if ordered else "-"


def main() -> int:
    """Run once, and say what came of it."""
    parser = argparse.ArgumentParser(prog="trials.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=20, help="tasks a second")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument(
        "--fresh", type=float, default=0.1, help="share of replays nobody parsed yet"
    )
    parser.add_argument("--parser", choices=get_args(Parser), default="ballchasing")
    parser.add_argument("--broker", choices=get_args(Broker), default="redis")
    parser.add_argument("--contract", type=Path, help="folder with the schemas of the contract")
    parser.add_argument("--keep", type=Path, help="folder for logs and data, to look at afterwards")
    given = parser.parse_args()
    plan = Plan(parser=given.parser, broker=given.broker)
    say(f"{plan}: {given.rate:g} tasks/s for {given.seconds:g} s, {given.fresh:.0%} of them fresh")
    with tempfile.TemporaryDirectory(prefix="parsekit-soak-") as name:
        contract = Contract(given.contract) if given.contract else None
        found = soak(
            plan, given.keep or Path(name), given.rate, given.seconds, given.fresh, contract
        )
    say("\n".join(found) or "flat, and every promise was kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
