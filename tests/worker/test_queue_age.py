"""The age of the oldest message, found by counting, against a queue that knows."""

from __future__ import annotations

import random
from collections import deque

import pytest

from parsekit.worker.queues import Age

LOOK_S = 6.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", range(5))
def test_is_right_within_one_look(seed):
    dice, clock = random.Random(seed), Clock()  # noqa: S311  (no secret)
    age, queue, taken = Age(clock), deque(), 0
    age.note(0, 0)
    for _ in range(500):
        for _ in range(6):
            clock.now += 1
            queue.extend([clock.now] * dice.choice([0, 0, 0, 1, 3]))
            for _ in range(min(len(queue), dice.choice([0, 0, 1, 1, 2]))):
                queue.popleft()
                taken += 1
        told = age.note(len(queue), taken)
        true = clock.now - queue[0] if queue else 0.0
        assert true <= told + 0.001
        assert told <= true + LOOK_S


def test_is_zero_for_an_empty_queue_and_begins_anew_after_it_was_purged():
    clock = Clock()
    age = Age(clock)
    assert age.note(0, 0) == 0
    clock.now = 6
    age.note(5, 0)
    clock.now = 600
    assert age.note(5, 0) == 600
    assert age.note(0, 0) == 0
    clock.now = 700
    assert age.note(1, 0) <= 100


def test_takes_little_memory_however_long_a_queue_grows():
    clock = Clock()
    age = Age(clock)
    for number in range(20_000):
        clock.now += LOOK_S
        told = age.note(number + 1, 0)
    assert len(age._notes) <= 2001
    assert told == pytest.approx(20_000 * LOOK_S, rel=0.01)
