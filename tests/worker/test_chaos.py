"""Short forms of the trials, with a new seed each time; it is in the message of a failure."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from parsekit.testing.contract import Contract
from trials import faults
from trials.chaos import chaos, plan_of, say
from trials.fleet import Broker, Parser, Plan
from trials.pulse import Pulse, trends
from trials.soak import leaks, soak


@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    ("parser", "broker"), [("ballchasing", "redis"), ("local", "rabbitmq")], ids=str
)
def test_nothing_is_lost_or_doubled_while_everything_breaks(
    rabbitmq_installed: None, tmp_path: Path, contract: Contract, parser: Parser, broker: Broker
) -> None:
    seed = int(os.environ.get("PARSEKIT_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
    say(f"PARSEKIT_CHAOS_SEED={seed}")
    plan = plan_of(seed, parser, broker)
    report = chaos(tmp_path, plan, seconds=25, replays=40, seed=seed, contract=contract)
    assert not report.broken, f"seed {seed}, {plan}, {dict(report.faults)}: {report.broken}"


@pytest.mark.timeout(240)
def test_a_service_at_work_keeps_every_promise_and_tells_how_it_is(
    rabbitmq_installed: None,
    tmp_path: Path,
    contract: Contract,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = plan_of(1, "local", "redis")
    found = soak(plan, tmp_path, rate=10, seconds=15, fresh=0.2, contract=contract)
    # in so short a time children are still being started
    assert [line for line in found if " grew by " not in line] == []
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    spans = [list(map(float, row)) for row in rows if len(row) == 8 and row[0].isdecimal()]
    assert len(spans) > 10
    assert 5 < sum(tasks_per_s for _, tasks_per_s, *_ in spans) / len(spans) < 15
    assert all(memory_mib > 50 and fds > 10 for *_, memory_mib, fds, _, _ in spans)


def test_a_seed_makes_the_same_faults_whatever_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = SimpleNamespace(
        plan=Plan(parser="ballchasing", broker="mixed"),
        valkey=object(),
        vhost="/",
        workers=[SimpleNamespace(pid=1), SimpleNamespace(pid=2)],
        replace_dead=lambda: None,
    )
    children = iter(range(10_000))
    monkeypatch.setattr(faults, "descendants", lambda _pid: [None] * (next(children) % 4))
    monkeypatch.setattr(faults.os, "kill", lambda *_: None)
    for name in faults._DEEDS:
        if name != "kill child":
            monkeypatch.setitem(faults._DEEDS, name, lambda made: made.dice.random())
    dice = [random.Random("7 faults") for _ in range(2)]  # noqa: S311  (no secret)
    first, second = (faults.Faults(nobody, each) for each in dice)
    assert [first.one() for _ in range(60)] == [second.one() for _ in range(60)]
    assert set(first.done) == set(faults._DEEDS)


def test_what_grows_is_told_by_its_share() -> None:
    def at(second: int, memory_mib: float, descriptors: int) -> Pulse:
        return Pulse(
            at_s=second,
            memory_mib=memory_mib,
            descriptors=descriptors,
            threads=9,
            processes=2,
        )

    pulses = [at(second, 100 + second, 50) for second in range(30)]
    grown = {trend.name: round(trend.share, 3) for trend in trends(pulses)}
    assert grown == {"memory_mib": 0.29, "descriptors": 0.0, "threads": 0.0}


@pytest.mark.parametrize(("share", "found"), [(0.04, 0), (0.07, 1)])
def test_a_soak_calls_more_than_five_percent_since_the_warm_up_a_leak(
    share: float, found: int
) -> None:
    pulses = [
        Pulse(
            at_s=row,
            memory_mib=50.0 if row < 5 else 100 * (1 + share * (row - 5) / 14),
            descriptors=40 + row % 2,
            threads=9,
            processes=2,
        )
        for row in range(20)
    ]
    assert len(leaks(pulses)) == found
