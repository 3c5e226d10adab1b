"""Analytics events become rates and percentiles, in flat memory, whatever else is in the file."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.events import AnalyticsEvent
from parsekit.model import Failure, Outcome, Timings
from parsekit.records.analytics_file import line_of
from parsekit.records.analytics_summary import Spread, Summary, summarise
from parsekit.records.dedup import Latest
from parsekit.records.reader import RecordLine, Unread, read_lines


def event(task: str, *, at_unix: float = 1.7e9, **outcome: Any) -> dict[str, Any]:
    given = {"parser": "local", "replay_bytes": 1024 * 100, **outcome}
    told = AnalyticsEvent(
        event_id=f"{task}.parseReplay",
        task_id=task,
        hash="h",
        at_unix=at_unix,
        outcome=Outcome(replay="r", task_id=task, **given),
    )
    content: dict[str, Any] = json.loads(line_of(told))
    return content


def failed(task: str, code: str, **more: Any) -> dict[str, Any]:
    return event(task, failure=Failure(code=code, message="no"), **more)


def summary(*contents: dict[str, Any], since_unix: float | None = None) -> Summary:
    unread = Unread()
    lines = (RecordLine(f"f:{number}", content) for number, content in enumerate(contents, 1))
    found = summarise(lines, unread, since_unix=since_unix)
    assert unread.count == 0, unread.named
    return found


def test_rates_are_of_what_they_say() -> None:
    found = summary(
        event("a"),
        event("b", cached=True),
        event("c", cached=True),
        failed("d", "invalid_replay"),
        failed("e", "invalid_replay"),
        failed("f", "rate_limited", parser="ballchasing"),
    )
    assert found.total.success_percent == 50.0
    assert found.total.cache_hit_percent == pytest.approx(200 / 3)
    assert found.total.errors == {"invalid_replay": 2, "rate_limited": 1}
    assert {name: each.tasks for name, each in found.parsers.items()} == {
        "local": 5,
        "ballchasing": 1,
    }
    assert found.parsers["ballchasing"].cache_hit_percent is None


def test_only_steps_that_happened_are_timed() -> None:
    found = summary(
        event("a", timings=Timings(get_ms=5, parse_ms=100, put_ms=7, total_ms=120)),
        event("b", timings=Timings(total_ms=3), cached=True),
    )
    told = found.total.to_json()
    assert told["timings"]["getMs"] == {"count": 1, "p50": 5, "p95": 5}
    assert told["timings"]["totalMs"] == {"count": 2, "p50": 3, "p95": 120}
    assert told["replayKb"] == {"count": 2, "p50": 100, "p95": 100}


def test_an_event_told_again_counts_once() -> None:
    found = summary(event("a"), event("a"), event("b"))
    assert (found.total.tasks, found.repeated) == (2, 1)


def test_of_very_many_events_the_latest_are_remembered() -> None:
    latest = Latest(remembered=3)
    assert [latest.is_new(each) for each in "abca"] == [True, True, True, False]
    assert [latest.is_new(each) for each in "dad"] == [True, True, False]


def test_since_leaves_out_what_is_older_and_what_has_no_time() -> None:
    message = {key: value for key, value in event("c").items() if key in ("pattern", "data")}
    events = (event("a", at_unix=1000), event("b", at_unix=2000), message)
    assert summary(*events).total.tasks == 3
    assert summary(*events, since_unix=1500).total.tasks == 1
    assert (summary(*events).first_unix, summary(*events).last_unix) == (1000, 2000)


def test_the_first_moment_of_all_is_a_time_as_well() -> None:
    found = summary(event("a", at_unix=0), event("b", at_unix=2000))
    assert (found.first_unix, found.last_unix) == (0, 2000)


def test_messages_of_the_queue_can_be_summarised_too() -> None:
    messages = [{k: e[k] for k in ("pattern", "data")} for e in (event("a"), failed("b", "x"))]
    found = summary(*messages)
    assert found.total.errors == {"unknown": 1}
    assert found.first_unix is None


def changed(path: str, value: Any) -> dict[str, Any]:
    content = event("a")
    *parents, last = path.split(".")
    target: Any = content
    for parent in parents:
        target = target[parent]
    target[last] = value
    return content


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"data": []},
        {"a": "difference"},
        changed("data.tags", None),
        changed("data.tags", [["parser"]]),
        changed("data.tags", [["parser", 5]]),
        changed("data.tags", [[["parser"], "local"]]),
        changed("data.booleans", [["success", "yes"], ["cached", False]]),
        changed("data.ints", [["getMs", -1]]),
        changed("data.ints", [["getMs", True]]),
        changed("data.ints", [["getMs", 10**30]]),
        changed("data.ints", [["getMs", 1.5]]),
        changed("data.ints", 7),
        changed("at", "yesterday"),
        changed("at", 5),
        changed("at", "0001-01-01T00:00:00+14:00"),
        changed("eventId", 5),
        changed("error", ["x"]),
    ],
)
def test_lines_that_are_no_events_are_named(content: dict[str, Any]) -> None:
    unread = Unread()
    found = summarise([RecordLine("f:1", event("b")), RecordLine("f:2", content)], unread)
    assert found.total.tasks == 1
    assert unread.named == ["f:2: no analytics event"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), min_size=1), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_are_exact_for_short_times(numbers: list[int], percent: int) -> None:
    spread = Spread()
    for number in numbers:
        spread.add(number)
    rank = math.ceil(percent / 100 * len(numbers))
    assert spread.percentile(percent) == sorted(numbers)[rank - 1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_percentiles_of_long_times_are_right_within_half_a_percent(numbers: list[int]) -> None:
    spread = Spread()
    for number in numbers:
        spread.add(number)
    exact = sorted(numbers)[math.ceil(len(numbers) / 2) - 1]
    assert spread.percentile(50) == pytest.approx(exact, rel=0.005)


def test_memory_does_not_grow_with_events(tmp_path: Path) -> None:
    file = tmp_path / "analytics.jsonl"
    with file.open("wb") as out:
        for number in range(20_000):
            timings = Timings(get_ms=number, parse_ms=number * 7, put_ms=3, total_ms=number * 9)
            out.write(json.dumps(event("x", timings=timings)).encode() + b"\n")

    def without_ids() -> Iterator[RecordLine]:
        for line in read_lines([file], Unread()):
            del line.content["eventId"]
            yield line

    tracemalloc.start()
    try:
        assert summarise(without_ids(), Unread()).total.tasks == 20_000
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * 1024 * 1024
