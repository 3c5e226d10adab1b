"""Break everything at random while replays are parsed, and count what came of it.

    python -m trials.chaos --seconds 120 --replays 100 [--seed N] [--runs R] [--parser P] …

The seed is printed first; the same seed makes the same deployment and the same faults in the same
order. When each of them hits is up to the machine. Further runs have the seeds that follow.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

from devkit.contract import Contract
from devkit.deployment import poll
from trials.answers import wait_for_all
from trials.faults import Faults
from trials.fleet import Broker, Fleet, Parser, Plan, fleet
from trials.load import Load, Shares, persist
from trials.promises import all_was_published, broken
from trials.remains import in_service

#: From the end of one fault to the next, seconds: some come while the last one still hurts.
BETWEEN_S = (0.5, 3.0)
#: Callers send in the first two thirds of the time.
SENDING = 0.66
#: How long tasks get to end once nothing is broken any more, seconds: a storage that was away is
#: asked for the last time after 84, and what a killed worker had to tell is found within 30.
REST_S = 180.0
LEFT_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found, and the faults that it made."""

    broken: list[str]
    faults: Counter[str]
    tasks: int
    contents: int
    rest_s: float


def chaos(
    folder: Path,
    plan: Plan,
    *,
    seconds: float,
    replays: int,
    seed: int,
    contract: Contract | None = None,
) -> Report:
    """One run in an empty folder; messages are held against the contract where it is given."""
    with fleet(plan, folder) as made:
        # of their own, so that neither's draws depend on when the other draws
        faults, load = (
            Faults(made, random.Random(f"{seed} faults")),  # noqa: S311  (no secret)
            Load(made, random.Random(f"{seed} load"), Shares()),  # noqa: S311  (no secret)
        )
        _break_and_send(faults, load, seconds, replays)
        made.replace_dead()
        began = time.monotonic()
        _rest(made, load)
        rest_s = time.monotonic() - began
        found = broken(load, faults.upheaval, contract=contract)
        return Report(
            broken=found,
            faults=faults.done
            + Counter({"delivered twice": load.delivered_twice, "cancelled": len(load.cancelled)})
            + Counter(load.broken_off.values()),
            tasks=len(load.tasks),
            contents=len(load.contents),
            rest_s=rest_s,
        )


def _break_and_send(faults: Faults, load: Load, seconds: float, replays: int) -> None:
    began = time.monotonic()
    next_fault = began + 1
    while (now := time.monotonic()) < began + seconds or len(load.tasks) < replays:
        due = min(replays, 1 + int((now - began) / (seconds * SENDING) * replays))
        while len(load.tasks) < due:
            load.send_one()
        if next_fault < now < began + seconds:
            say(f"{now - began:5.0f} s  {faults.one()}")
            next_fault = time.monotonic() + faults.seconds(BETWEEN_S)
        time.sleep(0.05)


def _rest(made: Fleet, load: Load) -> None:
    """Let all come to an end; what does not is found by who looks next."""
    wait_for_all(made, load.tasks, REST_S)
    with suppress(TimeoutError):
        poll(partial(persist, partial(all_was_published, load)), seconds=LEFT_S, every_s=0.5)
    with suppress(TimeoutError):
        poll(lambda: not persist(partial(in_service, made)), seconds=LEFT_S, every_s=0.5)


def plan_of(seed: int, parser: Parser | None = None, broker: Broker | None = None) -> Plan:
    """The deployment that belongs to a seed."""
    dice = random.Random(seed)  # noqa: S311  (no secret)
    drawn = Plan(
        parser=dice.choice(get_args(Parser)),
        broker=dice.choice(get_args(Broker)),
    )
    return replace(drawn, parser=parser or drawn.parser, broker=broker or drawn.broker)


def say(line: str) -> None:
    """Print at once, whoever reads."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run as often as told, and say what came of it."""
    parser = argparse.ArgumentParser(prog="trials.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--replays", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--runs", type=int, default=1, help="one after the other, with new seeds")
    parser.add_argument("--parser", choices=get_args(Parser))
    parser.add_argument("--broker", choices=get_args(Broker))
    parser.add_argument("--contract", type=Path, help="folder with the schemas of the contract")
    parser.add_argument("--keep", type=Path, help="folder for logs and data, to look at afterwards")
    given = parser.parse_args()
    well = [_run(given, seed) for seed in range(given.seed, given.seed + given.runs)]
    if given.runs > 1:
        say(f"{sum(well)} of {given.runs} runs kept every promise")
    return 0 if all(well) else 1


def _run(given: argparse.Namespace, seed: int) -> bool:
    """One run; whether every promise was kept."""
    plan = plan_of(seed, given.parser, given.broker)
    say(f"seed {seed}: {plan}")
    with tempfile.TemporaryDirectory(prefix="parsekit-chaos-") as name:
        report = chaos(
            given.keep / str(seed) if given.keep else Path(name),
            plan,
            seconds=given.seconds,
            replays=given.replays,
            seed=seed,
            contract=Contract(given.contract) if given.contract else None,
        )
    say(", ".join(f"{count} × {name}" for name, count in report.faults.items()))
    say(f"{report.tasks} tasks, {report.contents} contents, at rest after {report.rest_s:.0f} s")
    say("\n".join(report.broken) or "every promise was kept")
    return not report.broken


if __name__ == "__main__":
    sys.exit(main())
