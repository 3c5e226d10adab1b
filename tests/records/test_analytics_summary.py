"""Analytics events become rates and percentiles, in flat memory, whatever else is in the file."""

from __future__ import annotations

import json
import math
import tempfile
import tracemalloc
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
from parsekit.records.reader import Unread


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
    found, unread = read(*contents, since_unix=since_unix)
    assert unread.count == 0, unread.named
    return found


def read(*contents: dict[str, Any], since_unix: float | None = None) -> tuple[Summary, Unread]:
    """What a file with these lines comes to, once as we write JSON and once as others do."""
    results = []
    for separators in ((",", ":"), None):
        with tempfile.TemporaryDirectory() as folder:
            file, unread = Path(folder, "f"), Unread()
            lines = [json.dumps(content, separators=separators) for content in contents]
            file.write_text("".join(f"{line}\n" for line in lines))
            found = summarise([file], unread, since_unix=since_unix)
            results.append((found, unread))
    (ours, _), (theirs, unread) = results
    assert ours.total.to_json() == theirs.total.to_json()
    return theirs, unread


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
    assert times(summary(*events)) == (1000, 2000)


def test_the_first_moment_of_all_is_a_time_as_well() -> None:
    found = summary(event("a", at_unix=0), event("b", at_unix=2000))
    assert times(found) == (0, 2000)


def times(found: Summary) -> tuple[float, float]:
    assert found.first is not None
    assert found.last is not None
    return found.first.timestamp(), found.last.timestamp()


def test_messages_of_the_queue_can_be_summarised_too() -> None:
    messages = [{k: e[k] for k in ("pattern", "data")} for e in (event("a"), failed("b", "x"))]
    found = summary(*messages)
    assert found.total.errors == {"unknown": 1}
    assert found.first is None


def test_blocks_without_a_wanted_event_are_passed_over(tmp_path: Path) -> None:
    """Old events fill many blocks; a wanted one stands between them, another among the last."""
    file, old = tmp_path / "f", [event(f"t{number}", at_unix=1000) for number in range(3000)]
    old[1500] = event("in between", at_unix=3000)
    lines = [json.dumps(each, separators=(",", ":")) for each in (*old, event("new", at_unix=2000))]
    file.write_text("\n".join((*lines, "no event")))
    unread = Unread()
    assert summarise([file], unread, since_unix=2000).total.tasks == 2
    assert unread.named == ["f:3002: cut short"]


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
        changed("at", "2026-11-30T00:00:00"),
        changed("at", "0001-01-01T00:00:00+14:00"),
        changed("eventId", 5),
        changed("error", ["x"]),
    ],
)
def test_lines_that_are_no_events_are_named(content: dict[str, Any]) -> None:
    found, unread = read(event("b"), content)
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
            content = event("x", timings=timings)
            del content["eventId"]
            out.write(json.dumps(content).encode() + b"\n")
    tracemalloc.start()
    try:
        assert summarise([file], Unread()).total.tasks == 20_000
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * 1024 * 1024
