"""Which failures lead to the next parser, and how callers learn who was asked and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from parsekit.errors import (
    ERRORS,
    ConfigInvalid,
    InvalidReplay,
    ParserFailed,
    QuotaExhausted,
    error_for,
)
from parsekit.model import Job, Outcome, Parsed
from parsekit.pipeline.pipeline import Pipeline, Waiting

from .conftest import Bench

NEXT = {
    "parser_failed",
    "parser_timeout",
    "remote_rejected",
    "remote_timeout",
    "remote_unavailable",
    "rate_limited",
    "quota_exhausted",
    "unauthorized",
    "plugin_failed",
    "config_invalid",
}


def to_the_end(bench: Bench, pipeline: Pipeline, **more: Any) -> Outcome:
    state: Mapping[str, Any] | None = None
    while isinstance(answer := pipeline.run(bench.request(**more), state), Waiting):
        state = json.loads(json.dumps(answer.state))
    return answer


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_the_class_of_the_error_decides_whether_the_next_parser_is_asked(
    bench: Bench, code: str
) -> None:
    bench.script.steps = [error_for(code, "no") for _ in range(9)]
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    assert bool(bench.other.calls) == (code in NEXT)
    if code in NEXT:
        assert (outcome.ok, outcome.parser) == (True, "other")
    else:
        assert outcome.failure is not None
        assert (outcome.failure.code, outcome.parser) == (code, "script")


def test_result_and_stored_document_name_who_was_asked_before(bench: Bench) -> None:
    bench.script.steps = [QuotaExhausted("none left")]
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    error = {"code": "quota_exhausted", "message": "none left", "retryable": True}
    tried = [{"parser": "script", "error": error}]
    assert outcome.output_path is not None
    stored = json.loads(bench.store.read(outcome.output_path) or b"")
    assert outcome.to_json()["tried"] == tried
    assert outcome.to_result()["tried"] == tried
    assert stored["tried"] == tried


def test_a_task_that_is_delivered_again_after_its_end_tells_the_same(bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no")]
    settings = {"fallback": ["other"]}
    first = to_the_end(bench, bench.pipeline(settings=settings))
    bench.script.steps = [ParserFailed("no")]
    again = to_the_end(bench, bench.pipeline(settings=settings))
    assert again.to_result() == first.to_result()
    assert again.tried


def test_a_last_resort_that_is_delivered_again_tells_the_same(bench: Bench) -> None:
    bench.script.steps, bench.other.steps = [ParserFailed("no")], [ParserFailed("no")]
    settings = {"fallback": ["other", "script"]}
    first = to_the_end(bench, bench.pipeline(settings=settings))
    again = to_the_end(bench, bench.pipeline(settings=settings))
    assert again.to_result() == first.to_result()
    assert [t.parser for t in again.tried] == ["script", "other"]


def test_who_asks_the_fallback_itself_hears_nothing_of_the_others(bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no")]
    to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    direct = to_the_end(bench, bench.pipeline(), parser="other", task="task-2")
    assert (direct.cached, direct.tried) == (True, ())


def test_when_all_fail_the_message_names_every_parser_and_why(bench: Bench) -> None:
    bench.script.steps = [QuotaExhausted("none left")]
    bench.other.steps = [ParserFailed("unknown attribute")]
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    assert outcome.failure is not None
    assert (outcome.parser, outcome.failure.code) == ("other", "parser_failed")
    assert outcome.failure.message == (
        "unknown attribute; tried before: script (quota_exhausted: none left)"
    )
    assert [t.parser for t in outcome.tried] == ["script"]


def test_the_parser_hears_whether_another_stands_by(bench: Bench) -> None:
    heard: list[bool] = []

    def refuse(job: Job) -> Parsed:
        heard.append(job.has_fallback)
        raise ParserFailed("no")

    bench.script.steps, bench.other.steps = [refuse], [refuse]
    to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    assert heard == [True, False]


def test_a_parser_may_be_the_last_resort_as_well(bench: Bench) -> None:
    """Local first, the API when it is unsure, and local's best guess when the API is away."""

    def unsure(job: Job) -> Parsed:
        if job.has_fallback:
            raise ParserFailed("unknown attribute")
        return Parsed(data={}, warnings=("unknown attribute",))

    bench.script.steps, bench.other.steps = [unsure, unsure], [QuotaExhausted("none left")]
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other", "script"]}))
    assert (outcome.parser, outcome.warnings) == ("script", ("unknown attribute",))
    assert [t.parser for t in outcome.tried] == ["script", "other"]


def test_a_parser_that_is_asked_for_is_not_asked_twice_in_a_row(bench: Bench) -> None:
    bench.other.steps = [ParserFailed("no")] * 2
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}), parser="other")
    assert not outcome.ok
    assert len(bench.other.calls) == 1


@pytest.mark.parametrize("name", ["unknown", "other"])
def test_a_parser_that_can_not_be_made_leads_to_the_next(bench: Bench, name: str) -> None:
    bench.other.steps = [ConfigInvalid("no token")]
    settings = {"parser": name, "fallback": ["script"]}
    outcome = to_the_end(bench, bench.pipeline(settings=settings))
    assert (outcome.ok, outcome.parser) == (True, "script")
    assert [(t.parser, t.failure.code) for t in outcome.tried] == [(name, "config_invalid")]


class Bug(Exception):
    """Of a storage plugin."""


def test_a_storage_that_breaks_its_promise_is_not_held_against_the_parser(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise Bug

    monkeypatch.setattr(type(bench.store), "write", broken)
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other"]}))
    assert outcome.failure is not None
    assert outcome.failure.code == "plugin_failed"
    assert bench.other.calls == []


class Counted:
    """CrashCounter of a task, as a service counts them."""

    def __init__(self) -> None:
        self.count = 0

    def begin(self, task_id: str) -> int:
        self.count += 1
        return self.count

    def clear(self, task_id: str) -> None:
        self.count = 0


def test_a_long_chain_is_one_attempt(bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no")] * 9
    bench.other.steps = [ParserFailed("no")] * 4
    pipeline = bench.pipeline(
        settings={"fallback": ["other", "script"] * 4 + ["other"]}, crashes=Counted()
    )
    outcome = to_the_end(bench, pipeline)
    assert (outcome.ok, outcome.parser, len(outcome.tried)) == (True, "other", 9)


def test_a_damaged_replay_found_by_the_fallback_ends_the_task(bench: Bench) -> None:
    bench.script.steps = [QuotaExhausted("none left")]
    bench.other.steps = [InvalidReplay("header is broken")]
    outcome = to_the_end(bench, bench.pipeline(settings={"fallback": ["other", "script"]}))
    assert outcome.failure is not None
    assert outcome.failure.code == "invalid_replay"
    assert len(bench.script.calls) == 1
