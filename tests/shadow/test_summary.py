"""Many differences become one table: counts add up, and damage is passed over."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.events import Answerer, DifferenceEvent
from parsekit.model import JsonObject
from parsekit.records.reader import Unread
from parsekit.shadow.compare import ABSENT, Differing, compare
from parsekit.shadow.summary import Agreement, PairSummary, summarise

LOCAL = Answerer(parser="local", version="1.0")
API = Answerer(parser="api", version="2.0")


def line(
    task: str,
    primary: dict[str, Any],
    shadow: dict[str, Any],
    by: tuple[Answerer, Answerer] = (LOCAL, API),
) -> JsonObject:
    event = DifferenceEvent(
        event_id=f"{task}.difference",
        task_id=task,
        replay=f"{task}.replay",
        hash="0" * 64,
        at_unix=1.7e9,
        primary=by[0],
        shadow=by[1],
        fields=compare(primary, shadow),
    )
    found: JsonObject = json.loads(json.dumps(event.to_json()))
    return found


def read(*lines: JsonObject, unread: Unread | None = None, prefix: str = "") -> list[PairSummary]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "f")
        file.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
        return summarise([file], unread or Unread(), prefix=prefix)


def one(*lines: JsonObject, prefix: str = "") -> PairSummary:
    unread = Unread()
    (pair,) = read(*lines, unread=unread, prefix=prefix)
    assert unread.count == 0
    return pair


def test_values_are_pooled_over_replays() -> None:
    values = [(100, 100), (100, 100.5), (100, 104), (100, 150), (100, None)]
    lines = [line(str(n), {"x": a}, {"x": b}) for n, (a, b) in enumerate(values)]
    lines.append(line("absent", {"x": 100}, {}))
    pair = one(*lines)
    found = pair.fields["x"]
    assert pair.replays == found.values == 6
    assert (found.equal, found.within_1_percent, found.within_5_percent) == (1, 2, 3)
    assert found.absent == 1
    assert found.worst == 1.0
    assert found.median == pytest.approx(4 / 104)
    assert found.example is not None
    assert found.example.replay == "4.replay"
    assert found.percent(found.within_1_percent) == pytest.approx(100 * 2 / 6)


def test_a_difference_makes_a_better_example_than_something_absent() -> None:
    lines = [
        line("a", {"x": 1}, {}),
        line("b", {"x": 1}, {"x": 1.5}),
        line("c", {"x": 1}, {"x": 1.1}),
        line("d", {"x": 1}, {}),
    ]
    example = one(*lines).fields["x"].example
    assert example is not None
    assert example.to_json() == {"replay": "b.replay", "where": "", "primary": 1, "shadow": 1.5}


def test_parsers_and_versions_are_kept_apart() -> None:
    newer = Answerer(parser="local", version="1.1")
    lines = [
        line("a", {"x": 1}, {"x": 1}),
        line("b", {"x": 1}, {"x": 1}, (newer, API)),
        line("c", {"x": 1}, {"x": 2}),
    ]
    pairs = read(*lines)
    assert [(str(pair.primary), pair.replays) for pair in pairs] == [
        ("local 1.0", 2),
        ("local 1.1", 1),
    ]


def test_what_is_told_again_counts_once() -> None:
    again = line("a", {"x": 1}, {"x": 1})
    assert one(again, again, line("b", {"x": 1}, {"x": 1})).replays == 2


def test_a_field_can_be_picked_with_what_is_below_it() -> None:
    body = {"stats": {"boost": {"bpm": 1}, "boosted": 2, "list": [1, 2]}, "s": 3}
    assert list(one(line("a", body, body), prefix="stats.boost").fields) == ["stats.boost.bpm"]
    assert list(one(line("a", body, body), prefix="stats.list").fields) == ["stats.list[]"]
    assert list(one(line("a", body, body), prefix="s").fields) == ["s"]


def test_the_worst_fields_come_first_and_equal_ones_not_at_all() -> None:
    ours = {"same": 1, "bad": 1, "near": 100}
    theirs = {"same": 1, "bad": 2, "near": 100.5}
    assert [name for name, _ in one(line("a", ours, theirs)).worst_first()] == ["bad", "near"]


BROKEN: list[Any] = [
    {},
    {"eventId": 1},
    {"fields": []},
    {"fields": {"x": 1}},
    {"fields": {"x": {"equal": -1}}},
    {"fields": {"x": {"equal": True}}},
    {"fields": {"x": {"equal": 1, "differing": 5}}},
    {"fields": {"x": {"equal": 1, "differing": [{}]}}},
    {"fields": {"x": {"equal": 1, "differing": [{"where": "", "primary": {}}]}}},
    {"primary": "local"},
    {"shadow": {"parser": [], "version": "1"}},
    {"replay": None},
    {"at": "yesterday"},
    {"at": 5},
]


@pytest.mark.parametrize("changes", BROKEN)
def test_lines_that_are_no_differences_are_named(changes: dict[str, Any]) -> None:
    good = line("a", {"x": 1}, {"x": 2})
    broken = {**good, **changes} if changes else {}
    unread = Unread()
    assert len(read(good, broken, good, unread=unread)) == 1
    assert unread.named == ["f:2: no difference"]


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.just(ABSENT)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=30))
def test_counts_add_up_whatever_the_numbers(pairs: list[tuple[Any, Any]]) -> None:
    bodies = [[{} if v is ABSENT else {"x": v} for v in pair] for pair in pairs]
    lines = [line(str(number), *pair) for number, pair in enumerate(bodies)]
    for pair in read(*lines):
        total = pair.total
        assert total.values == sum(each != (ABSENT, ABSENT) for each in pairs)
        assert total.equal <= total.within_1_percent <= total.within_5_percent <= total.values
        assert 0 <= total.median <= total.worst <= 2
        json.dumps(pair.to_json(), allow_nan=False)


def test_an_agreement_on_nothing_is_whole() -> None:
    nothing = Agreement()
    assert (nothing.percent(0), nothing.median, nothing.worst) == (100.0, 0.0, 0.0)


def test_differing_values_survive_the_file() -> None:
    for each in (
        Differing(where="blue 1", primary=None, shadow=ABSENT),
        Differing(where="", primary=True, shadow="text"),
    ):
        assert Differing.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_the_line_in_the_docs_is_one_that_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "composition.md").read_text()
    content = json.loads(
        page.partition("<!-- shown: a line of differences.jsonl -->")[2]
        .split("```")[1]
        .removeprefix("json")
    )
    pair = one(content)
    assert pair.fields["players.stats.boost.bpm"].values == 6
    assert content.keys() == line("a", {}, {}).keys()
