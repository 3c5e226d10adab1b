"""The budget of shadows holds over processes, restarts, clocks and damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.shadow.budget import RateBudget


class Budget:
    """An allowance in a file, and a clock."""

    def __init__(self, path: Path, per_hour: float) -> None:
        self.path, self.per_hour, self.now = path, per_hour, 1e9

    def consume(self) -> bool:
        """As a process of its own would."""
        allowance = RateBudget(self.path, self.per_hour, lambda: self.now)
        with allowance.acquire() as permit:
            return permit is not None and permit.consume()

    def spent(self) -> int:
        count = 0
        while self.consume():
            count += 1
        return count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "shadow.json"


@pytest.mark.parametrize(("per_hour", "at_once"), [(0, 0), (0.25, 1), (1, 1), (2.5, 2), (60, 60)])
def test_at_most_an_hours_worth_at_once(path: Path, per_hour: float, at_once: int) -> None:
    budget = Budget(path, per_hour)
    assert budget.spent() == at_once
    assert budget.spent() == 0


def test_it_fills_up_with_time_and_not_beyond_an_hours_worth(path: Path) -> None:
    budget = Budget(path, 4)
    budget.spent()
    budget.now += 900
    assert budget.spent() == 1
    budget.now += 1e6
    assert budget.spent() == 4


def test_less_than_one_an_hour_is_one_in_some_hours(path: Path) -> None:
    budget = Budget(path, 0.25)
    budget.spent()
    budget.now += 3 * 3600
    assert budget.spent() == 0
    budget.now += 3600
    assert budget.spent() == 1


def test_refusals_do_not_keep_it_from_filling_up(path: Path) -> None:
    budget = Budget(path, 1)
    budget.spent()
    for _ in range(61):
        budget.now += 60
        granted = budget.consume()
        if granted:
            return
    pytest.fail("an hour has passed")


def test_a_clock_that_was_set_back_neither_gives_nor_blocks(path: Path) -> None:
    budget = Budget(path, 1)
    budget.spent()
    budget.now -= 1e6
    assert budget.spent() == 0
    budget.now += 3600
    assert budget.spent() == 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b'{"left": "x"}', b'{"left": NaN, "since_unix": 1}', b"[" * 4000],
)
def test_a_damaged_file_begins_anew(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    assert Budget(path, 2).spent() == 2


def test_only_one_has_the_turn(path: Path) -> None:
    allowance = RateBudget(path, 10, lambda: 0.0)
    with allowance.acquire() as mine, allowance.acquire() as other:
        assert mine is not None
        assert other is None
    with allowance.acquire() as later:
        assert later is not None


@settings(deadline=None)
@given(st.lists(st.floats(0, 7200), max_size=30), st.floats(0.01, 20))
def test_never_more_than_the_rate_and_an_hours_worth(
    tmp_path_factory: pytest.TempPathFactory, pauses_s: list[float], per_hour: float
) -> None:
    budget = Budget(tmp_path_factory.mktemp("budget") / "shadow.json", per_hour)
    spent = budget.spent()
    for pause_s in pauses_s:
        budget.now += pause_s
        spent += budget.spent()
    assert spent <= max(1, per_hour) + per_hour * sum(pauses_s) / 3600 + 1e-3
