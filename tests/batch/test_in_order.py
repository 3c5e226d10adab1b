from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from parsekit.batch.in_order import WINDOW_PER_JOB, in_order


def numbers_until(taken: list[int], count: int = 100) -> Iterator[int]:
    for number in range(count):
        taken.append(number)
        yield number


def test_answers_come_in_the_order_of_the_items_although_later_ones_are_ready_first() -> None:
    last_done = threading.Event()

    def work(item: int) -> int:
        if item == 3:
            last_done.set()
        elif item == 0:
            assert last_done.wait(30)
        return item * 10

    assert list(in_order(work, range(4), jobs=2, stop=threading.Event())) == [0, 10, 20, 30]


def test_items_are_taken_only_as_far_ahead_as_the_window() -> None:
    taken: list[int] = []
    answers = in_order(lambda item: item, numbers_until(taken), jobs=3, stop=threading.Event())
    next(answers)
    assert len(taken) == 3 * WINDOW_PER_JOB
    next(answers)
    assert len(taken) == 3 * WINDOW_PER_JOB + 1
    answers.close()  # type: ignore[attr-defined]


def test_no_more_than_the_jobs_run_at_once() -> None:
    running: list[int] = []
    most = 0
    lock = threading.Lock()

    def work(item: int) -> None:
        nonlocal most
        with lock:
            running.append(item)
            most = max(most, len(running))
        threading.Event().wait(0.005)
        with lock:
            running.remove(item)

    list(in_order(work, range(40), jobs=4, stop=threading.Event()))
    assert most == 4


def test_after_stop_what_runs_is_answered_and_nothing_is_begun() -> None:
    stop = threading.Event()
    begun: list[int] = []
    both_run = threading.Barrier(2, timeout=30)
    go_on = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        both_run.wait()
        assert go_on.wait(30)
        return item

    def stop_while_two_run() -> None:
        while len(begun) < 2:
            go_on.wait(0.001)
        stop.set()
        go_on.set()

    threading.Thread(target=stop_while_two_run).start()
    assert list(in_order(work, range(10), jobs=2, stop=stop)) == [0, 1]
    assert sorted(begun) == [0, 1]


def test_an_error_of_the_work_reaches_the_caller() -> None:
    def work(item: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, [1], jobs=1, stop=threading.Event()))


def test_after_an_error_of_the_work_nothing_is_begun() -> None:
    begun: list[int] = []
    stop = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise ZeroDivisionError
        assert stop.wait(30)
        return item

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, range(10), jobs=2, stop=stop))
    assert 3 not in begun, "both threads had work until the stop"
