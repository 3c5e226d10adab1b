"""Short forms of the trials, with fixed seeds; ``make chaos`` draws new ones."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from devkit.contract import Contract
from trials import faults
from trials.chaos import chaos, plan_of
from trials.fleet import Broker, Parser, Plan
from trials.pulse import Pulse
from trials.soak import Span, not_flat, soak


@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    ("parser", "broker", "seed"),
    [
        pytest.param("ballchasing", "redis", 7, id="remote over Redis"),
        # a task expires in its queue while RabbitMQ is away
        pytest.param("local", "rabbitmq", 1891724434, id="local over RabbitMQ"),
    ],
)
def test_nothing_is_lost_or_doubled_while_everything_breaks(
    rabbitmq_installed: None,
    tmp_path: Path,
    contract: Contract,
    parser: Parser,
    broker: Broker,
    seed: int,
) -> None:
    plan = plan_of(seed, parser, broker)
    report = chaos(tmp_path, plan, seconds=25, replays=40, seed=seed, contract=contract)
    assert not report.broken, f"seed {seed}, {plan}, {dict(report.faults)}: {report.broken}"


def test_a_service_at_work_keeps_every_promise_and_tells_how_it_is(
    rabbitmq_installed: None,
    tmp_path: Path,
    contract: Contract,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = plan_of(1, "local", "redis")
    found = soak(plan, tmp_path, rate=2, seconds=15, fresh=0.5, contract=contract)
    # in so short a time children are still being started
    assert [line for line in found if " moved by " not in line] == []
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    spans = [row for row in rows if len(row) == 8 and row[0].isdecimal()]
    assert len(spans) > 10
    assert 0.5 < statistics.median(float(tasks_per_s) for _, tasks_per_s, *_ in spans) < 4
    assert all(float(mib) > 50 and int(fds) > 10 for *_, mib, fds, _, _ in spans)


@pytest.mark.parametrize(
    ("mib", "told"),
    [
        pytest.param(lambda n: 100 + n % 3, [], id="flat"),
        pytest.param(lambda n: 500 if n in (5, 19) else 100, [], id="peaks at both ends"),
        pytest.param(lambda n: 300 - n * 40 if n < 5 else 100, [], id="falls in the warm-up"),
        pytest.param(lambda n: 100 + n, ["along a line", "by quarters"], id="grows"),
        pytest.param(lambda n: 100 - n, ["along a line", "by quarters"], id="falls"),
        pytest.param(lambda n: 100 if n < 15 else 150, ["by quarters"], id="grows in the end"),
    ],
)
def test_flat_is_what_moves_neither_slowly_nor_at_last(
    mib: Callable[[int], float], told: list[str]
) -> None:
    pulses = [
        Pulse(at_s=30.0 * n, memory_mib=mib(n), descriptors=100, threads=20, processes=4)
        for n in range(20)
    ]
    found = not_flat(pulses)
    assert [line.partition(" moved")[0] for line in found] == [f"memory_mib {way}" for way in told]


def test_a_row_in_which_nothing_ended_claims_no_latency() -> None:
    still = Pulse(at_s=30, memory_mib=100, descriptors=100, threads=20, processes=4)
    row = str(Span(pulse=still, per_s=0.0, latencies_s=[])).split()
    assert row[1:4] == ["0.0", "-", "-"]


def test_a_seed_makes_the_same_faults_whatever_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = SimpleNamespace(
        plan=Plan(parser="ballchasing", broker="rabbitmq"),
        vhost="/",
        workers=[SimpleNamespace(pid=1), SimpleNamespace(pid=2)],
        replace_dead=lambda: None,
    )
    children = iter(range(10_000))
    monkeypatch.setattr(faults, "descendants", lambda _pid: [None] * (next(children) % 4))
    monkeypatch.setattr(faults.os, "kill", lambda *_: None)
    for name in faults._DEEDS:
        if name not in ("kill child", "interrupt child"):
            monkeypatch.setitem(faults._DEEDS, name, lambda made: made.dice.random())
    dice = [random.Random("7 faults") for _ in range(2)]  # noqa: S311  (no secret)
    first, second = (faults.Faults(nobody, each) for each in dice)
    assert [first.one() for _ in range(120)] == [second.one() for _ in range(120)]
    assert set(first.done) == set(faults._DEEDS)


@pytest.mark.parametrize(("share", "flat"), [(0.04, True), (0.07, False)])
def test_a_soak_calls_what_moves_by_five_percent_since_the_warm_up_flat(
    share: float, flat: bool
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
    assert bool(not_flat(pulses)) is not flat
