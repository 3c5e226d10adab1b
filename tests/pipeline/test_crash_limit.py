"""A replay that ends the process that parses it: tried again, and put aside before long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from parsekit.errors import ParserCrashed, ParserFailed
from parsekit.model import Outcome, Parsed
from parsekit.pipeline.pipeline import Pipeline, Waiting

from .conftest import Bench


class Counted:
    """What a service keeps in Redis."""

    def __init__(self, before: int = 0) -> None:
        self.count = before

    def begin(self, task_id: str) -> int:
        self.count += 1
        return self.count

    def clear(self, task_id: str) -> None:
        self.count = 0


def to_the_end(bench: Bench, pipeline: Pipeline) -> tuple[Outcome, list[float]]:
    """The outcome, and how long was waited before each further run."""
    state: Mapping[str, Any] | None = None
    waits = []
    while isinstance(answer := pipeline.run(bench.request(), state), Waiting):
        waits.append(answer.after_s)
        state = json.loads(json.dumps(answer.state))
    return answer, waits


def crash() -> ParserCrashed:
    return ParserCrashed("parser 'script' crashed (SIGSEGV)")


def test_a_replay_that_ended_its_worker_three_times_is_put_aside(bench: Bench) -> None:
    outcome, _ = to_the_end(bench, bench.pipeline(crashes=Counted(before=3)))
    assert outcome.failure is not None
    assert outcome.failure.code == "poison_replay"
    assert bench.script.calls == []
    assert to_the_end(bench, bench.pipeline(crashes=Counted(before=2)))[0].ok


@pytest.mark.parametrize("crashes", [1, 2])
def test_a_crash_or_two_are_forgiven(bench: Bench, crashes: int) -> None:
    attempts = Counted()
    bench.script.steps = [*(crash() for _ in range(crashes)), Parsed(data={"answer": 42})]
    outcome, waits = to_the_end(bench, bench.pipeline(crashes=attempts))
    assert outcome.ok
    assert len(bench.script.calls) == crashes + 1
    assert all(0 < wait <= 5 for wait in waits)
    assert [e.status for e in bench.recorder.progress].count("Complete") == 1
    assert attempts.count == 0


def test_after_three_it_is_put_aside_and_the_message_says_what_happened(bench: Bench) -> None:
    bench.script.steps = [crash() for _ in range(9)]
    outcome, _ = to_the_end(bench, bench.pipeline(crashes=Counted()))
    assert outcome.failure is not None
    assert outcome.failure.code == "poison_replay"
    assert outcome.failure.message == (
        "replays/a.replay was put aside after 3 tries: parser 'script' crashed (SIGSEGV); "
        "see `parsekit dead-letters list`"
    )
    assert len(bench.script.calls) == 3


def test_crashes_of_children_and_of_workers_count_together(bench: Bench) -> None:
    bench.script.steps = [crash() for _ in range(9)]
    to_the_end(bench, bench.pipeline(crashes=Counted(before=1)))
    assert len(bench.script.calls) == 2


def test_after_three_the_next_parser_is_asked_and_has_three_of_its_own(bench: Bench) -> None:
    bench.script.steps = [crash() for _ in range(9)]
    bench.other.steps = [crash(), crash(), Parsed(data={"answer": 1})]
    pipeline = bench.pipeline(crashes=Counted(), settings={"fallback": ["other"]})
    outcome, _ = to_the_end(bench, pipeline)
    assert (outcome.ok, outcome.parser) == (True, "other")
    assert (len(bench.script.calls), len(bench.other.calls)) == (3, 3)
    assert [(t.parser, t.failure.code) for t in outcome.tried] == [("script", "parser_failed")]


def test_an_error_that_the_parser_raised_is_final_at_once(bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no idea") for _ in range(9)]
    outcome, waits = to_the_end(bench, bench.pipeline(crashes=Counted()))
    assert outcome.failure is not None
    assert (outcome.failure.code, waits) == ("parser_failed", [])


def test_where_nobody_counts_a_crash_is_told_at_once(bench: Bench) -> None:
    bench.script.steps = [crash() for _ in range(9)]
    outcome, waits = to_the_end(bench, bench.pipeline())
    assert outcome.failure is not None
    assert (outcome.failure.code, waits) == ("parser_failed", [])
