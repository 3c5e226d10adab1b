"""What is no JSON in a parser's data is named by its path."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from parsekit.json_text import JsonData, misfit

NAN = float("nan")


def _nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"a": data}
    return data


def _in_itself() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["me"] = [data]
    return data


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"blue": {"stats": [{"x": NAN}]}}, "data.blue.stats[0].x is NaN, which is no JSON"),
        ({"a": 1.5, "b": [0, float("-inf")]}, "data.b[1] is infinite, which is no JSON"),
        ({"two words": {"1": (NAN,)}}, "data['two words']['1'][0] is NaN, which is no JSON"),
        ({"when": date(2026, 1, 1)}, "data.when is a date, which is no JSON"),
        ({"n": {1, 2}}, "data.n is a set, which is no JSON"),
        ({"a": {(1, 2): 3}}, "data.a has a key that is a tuple, want text"),
        (_nested(100_000), "nested too deep"),
        (_in_itself(), "nested too deep, or in itself"),
        ({"k" * 1000: NAN}, "kkk is NaN, which is no JSON"),
        ({"n": 10**5000}, "4300 digits"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "data",
)
def test_the_first_misfit_is_named_by_its_path(data: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        JsonData.of(data)
    assert len(str(caught.value)) < 300


def test_data_that_are_json_have_no_misfit() -> None:
    data = {"a": [1, 2.5, None, True, "x", {"b": ()}], 1: {None: False}}
    assert misfit(data) == ""
    assert JsonData.of(data).text
