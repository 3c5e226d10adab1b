"""The age of the oldest message, found by counting, against a queue that knows."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

import pytest

from parsekit.worker.monitoring.queue_stats import Age

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


class Deployment:
    """A queue and several workers, one of which looks: its own dequeued are known to it at once."""

    def __init__(self, seed: int, workers: int) -> None:
        self.clock, self.queue = Clock(), deque[float]()
        self._dice = random.Random(seed)  # noqa: S311  (no secret)
        self._workers = workers
        self.mine, self.others = 0, 0

    def go_on(self, arrive: Sequence[int]) -> None:
        """Six seconds, in each of which every worker takes one message, or none."""
        for _ in range(int(LOOK_S)):
            self.clock.now += 1
            self.queue.extend([self.clock.now] * self._dice.choice(arrive))
            for worker in range(self._workers):
                if self.queue and self._dice.random() < 0.5:
                    self.queue.popleft()
                    self.mine += worker == 0
                    self.others += worker > 0

    @property
    def true(self) -> float:
        return self.clock.now - self.queue[0] if self.queue else 0.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "arrive", [[0], [0, 1, 2, 3], [0, 0, 0, 8]], ids=["none", "many", "bursts"]
)
def test_others_whose_count_comes_a_look_late_do_not_hide_a_backlog(seed, arrive):
    here = Deployment(seed, workers=3)
    age, late = Age(here.clock), 0
    here.queue.extend([0.0] * 2000)
    age.note(2000, 0)
    for _ in range(200):
        here.go_on(arrive)
        told = age.note(len(here.queue), here.mine + late)
        late = here.others
        assert here.true - LOOK_S <= told <= here.true + 2 * LOOK_S


def test_a_backlog_that_others_drain_is_right_though_nobody_tells_what_they_take():
    clock = Clock()
    age, told = Age(clock), []
    for look in range(100):
        told.append(age.note(1000 - 10 * look, 0))
        clock.now += LOOK_S
    assert told == [look * LOOK_S for look in range(100)]


def test_begins_anew_where_the_count_was_lost():
    clock = Clock()
    age = Age(clock)
    for taken in (500, 510):
        age.note(20, taken)
        clock.now += LOOK_S
    assert age.note(20, 3) == 0
    clock.now += LOOK_S
    assert age.note(18, 5) == LOOK_S


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
