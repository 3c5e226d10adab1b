"""When to look: the estimate follows the processing times, seen only through yes and no."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from parsekit_ballchasing.ledger.local import LocalStore
from parsekit_ballchasing.patience import FIRST_GUESS_S, LONGEST_S, SHORTEST_S, Patience


def looks_a_replay(patience: Patience, took_s: Callable[[], float], replays: int) -> float:
    looks = 0
    for _ in range(replays):
        ready_s, waited_s = took_s(), patience.first_look_s()
        looks += 1
        patience.learn(waited_s, ready=waited_s >= ready_s)
        while waited_s < ready_s:
            waited_s += patience.next_look_s(waited_s)
            looks += 1
    return looks / replays


@pytest.mark.parametrize(
    ("name", "took_s"),
    [
        ("as in the benchmark", lambda dice: dice.uniform(3, 20)),
        ("as people report", lambda dice: dice.uniform(10, 60)),
        ("always alike", lambda _: 25.0),
        ("with a long tail", lambda dice: dice.lognormvariate(3, 0.5)),
    ],
)
def test_replays_need_few_looks(name: str, took_s: Callable[[random.Random], float]) -> None:
    dice = random.Random(name)  # noqa: S311
    patience = Patience(LocalStore(), spread=dice.random)
    looks_a_replay(patience, lambda: took_s(dice), 200)
    assert looks_a_replay(patience, lambda: took_s(dice), 500) <= 1.3


def test_looks_do_not_come_much_later_than_the_aim() -> None:
    dice = random.Random(1)  # noqa: S311
    patience = Patience(LocalStore(), spread=dice.random)
    looks_a_replay(patience, lambda: dice.uniform(3, 20), 300)
    late_s = [patience.first_look_s() for _ in range(100)]
    assert 12 <= sum(late_s) / 100 <= 22


def test_first_guess_lies_in_what_people_report() -> None:
    patience = Patience(LocalStore(), spread=lambda: 0.5)
    assert patience.first_look_s() == FIRST_GUESS_S
    assert 10 <= FIRST_GUESS_S <= 60


def test_estimate_stays_within_bounds() -> None:
    patience = Patience(LocalStore(), spread=lambda: 0.5)
    for _ in range(500):
        patience.learn(patience.first_look_s(), ready=True)
    assert patience.first_look_s() == pytest.approx(SHORTEST_S)
    for _ in range(500):
        patience.learn(patience.first_look_s(), ready=False)
    assert patience.first_look_s() == pytest.approx(LONGEST_S)


def test_a_look_long_after_its_time_teaches_nothing() -> None:
    patience = Patience(LocalStore(), spread=lambda: 0.5)
    patience.learn(100 * FIRST_GUESS_S, ready=True)
    patience.learn(0.01 * FIRST_GUESS_S, ready=False)
    assert patience.first_look_s() == FIRST_GUESS_S


def test_looks_back_off_and_are_spread() -> None:
    patience = Patience(LocalStore())
    gaps = [patience.next_look_s(40) for _ in range(50)]
    assert 18 <= min(gaps) < max(gaps) <= 22
    assert patience.next_look_s(10_000) <= 66
