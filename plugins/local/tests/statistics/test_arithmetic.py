"""What is computed on whole columns is what going row by row gives, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parsekit_local.statistics.published import total
from parsekit_local.statistics.updates import switched_on


@given(st.lists(st.floats(0, 3000)))
def test_a_total_is_added_up_one_by_one(values: list[float]) -> None:
    one_by_one = np.float32(0)
    for value in values:
        one_by_one += np.float32(value)
    assert total(values) == total(np.array(values)) == one_by_one


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans())).map(sorted),
    st.integers(0, 60),
)
def test_a_flag_is_on_from_its_first_report_to_the_one_that_ends_it(
    reports: list[tuple[int, bool]], end: int
) -> None:
    intervals, start = [], None
    for frame, on in [*reports, (end, False)]:
        if on and start is None:
            start = frame
        elif not on and start is not None:
            intervals.append((start, frame))
            start = None
    frames = np.array([frame for frame, _ in reports], np.int64)
    flags = np.array([on for _, on in reports], np.bool_)
    found = switched_on(frames, flags, end)
    assert found == [(first, last) for first, last in intervals if first <= end]
