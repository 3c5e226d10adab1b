"""Two bodies are compared value by value, whatever they are made of."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsekit.model import JsonObject
from parsekit.shadow.compare import (
    ABSENT,
    MAX_VALUES,
    Differing,
    FieldDifference,
    TooManyValues,
    compare,
)


def player(name: str, account: str | None = None, **stats: float) -> dict[str, Any]:
    identity = {} if account is None else {"id": {"platform": "steam", "id": account}}
    return {"name": name, **identity, "stats": {"boost": stats}}


def body(blue: list[Any], orange: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**more, "blue": {"players": blue}, "orange": {"players": orange or []}}


def unequal(primary: Any, shadow: Any) -> dict[str, list[tuple[str, Any, Any]]]:
    return {
        each.field: [(d.where, d.primary, d.shadow) for d in each.differing]
        for each in compare(primary, shadow)
        if each.differing
    }


def test_equal_bodies_are_equal_in_every_value(samples: dict[str, JsonObject]) -> None:
    for body in samples.values():
        found = compare(body, deepcopy(body))
        assert sum(each.values for each in found) > 500
        assert not any(each.differing for each in found)


def test_a_field_of_all_players_is_one_field() -> None:
    ours = body([player("a", bpm=300), player("b", bpm=200)], [player("c", bpm=100)])
    theirs = deepcopy(ours)
    theirs["orange"]["players"][0]["stats"]["boost"]["bpm"] = 110
    (found,) = [each for each in compare(ours, theirs) if each.field == "players.stats.boost.bpm"]
    assert (found.values, found.equal) == (3, 2)
    assert [(d.where, d.primary, d.shadow) for d in found.differing] == [("orange 1", 100, 110)]


def test_players_are_matched_by_account_wherever_they_stand() -> None:
    ours = body([player("old name", "1", bpm=1), player("b", "2", bpm=2)])
    theirs = body([], [player("b", "2", bpm=2), player("new name", "1", bpm=1)])
    assert unequal(ours, theirs) == {"players.name": [("blue 1", "old name", "new name")]}


def test_players_without_an_account_are_matched_by_name() -> None:
    ours = body([player("bot", bpm=1), player("other", bpm=2)])
    theirs = body([player("other", bpm=2), player("bot", bpm=1)])
    assert unequal(ours, theirs) == {}


def test_two_players_of_one_split_screen_are_told_apart_by_name() -> None:
    ours = body([player("a", "1", bpm=1), player("a(1)", "1", bpm=2)])
    theirs = body([player("a(1)", "1", bpm=2), player("a", "1", bpm=1)])
    assert unequal(ours, theirs) == {}


def test_players_that_nothing_tells_apart_are_matched_in_their_order() -> None:
    ours = body([player("bot", bpm=1), player("bot", bpm=2), player("bot", bpm=3)])
    assert unequal(ours, deepcopy(ours)) == {}


def test_a_player_that_only_one_side_has_is_absent_on_the_other() -> None:
    ours = body([player("a", "1", bpm=1)])
    theirs = body([player("a", "1", bpm=1), player("b", "2", bpm=2)])
    assert unequal(ours, theirs)["players.stats.boost.bpm"] == [("blue 2 of the shadow", ABSENT, 2)]
    assert unequal(theirs, ours)["players.stats.boost.bpm"] == [("blue 2", 2, ABSENT)]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (100.0, 100.009, True),
        (100.0, 100.02, False),
        (100, 100.0, True),
        (0, 0.0, True),
        (0, 1e-9, False),
        (1e-9, 1.00001e-9, True),
        (1, True, False),
        (None, None, True),
        (None, 0, False),
        ("1", 1, False),
        (math.nan, math.nan, True),
        (math.inf, -math.inf, False),
        (10**400, 10**400, True),
        (1.7e308, -1.7e308, False),
        ("a", "a", True),
        ({}, [], True),
        ({"x": 1}, 1, False),
    ],
)
def test_what_counts_as_equal(a: object, b: object, same: bool) -> None:
    assert (not unequal({"x": a}, {"x": b})) == same
    assert (not unequal({"x": b}, {"x": a})) == same


def test_null_is_a_value_and_absent_is_none() -> None:
    assert unequal({"x": None}, {}) == {"x": [("", None, ABSENT)]}


@pytest.mark.parametrize(
    ("a", "b", "relative"),
    [(100, 101, 1 / 101), (0, 5, 1.0), (-1, 1, 2.0), ("a", 1, 1.0), (1.7e308, -1.7e308, 2.0)],
)
def test_relative_difference_is_of_the_larger(a: object, b: object, relative: float) -> None:
    assert Differing(where="", primary=a, shadow=b).relative == pytest.approx(relative)


def test_a_body_too_large_to_compare_is_refused_before_it_costs_memory() -> None:
    for large in ([{}] * 1_000_000, dict.fromkeys(range(MAX_VALUES + 1), 1)):
        with pytest.raises(TooManyValues):
            compare({"x": large}, {})
        with pytest.raises(TooManyValues):
            compare({}, {"x": large})
    with pytest.raises(TooManyValues):
        compare(body([player("a")] * (MAX_VALUES + 1)), {})


def test_a_body_nested_beyond_measure_is_compared_as_far_as_is_sensible() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    assert unequal({"a": 1, "deep": deep}, {"a": 2, "deep": deep}) == {"a": [("", 1, 2)]}
    while deep:  # Python would free it by recursion
        deep = deep.pop("x")


keys = st.sampled_from(["blue", "orange", "players", "id", "name", "stats", "platform", "x"])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", 10**400, math.nan])
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
bodies = st.dictionaries(keys, anything, max_size=5)


@given(bodies, bodies)
def test_any_two_bodies_can_be_compared_and_told(a: dict[str, Any], b: dict[str, Any]) -> None:
    found = compare(a, b)
    assert len({each.field for each in found}) == len(found)
    told = json.loads(json.dumps([each.to_json() for each in found], allow_nan=False))
    read = [
        FieldDifference.from_json(each.field, given)
        for each, given in zip(found, told, strict=True)
    ]
    assert read == list(found)
    for each in found:
        assert all(0 <= d.relative <= 2 for d in each.differing)


@given(bodies)
def test_a_body_is_equal_to_itself(a: dict[str, Any]) -> None:
    assert not any(each.differing for each in compare(a, deepcopy(a)))


@given(bodies, bodies)
def test_the_order_does_not_matter(a: dict[str, Any], b: dict[str, Any]) -> None:
    one, other = compare(a, b), compare(b, a)
    assert {x.field: (x.equal, x.values) for x in one} == {
        x.field: (x.equal, x.values) for x in other
    }


def test_players_without_account_and_name_are_matched_by_place() -> None:
    ours, theirs = body([{"stats": {"x": 1}}, 3]), body([{"stats": {"x": 2}}, 3])
    assert unequal(ours, theirs) == {"players.stats.x": [("blue 1", 1, 2)]}
