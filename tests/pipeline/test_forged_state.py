"""A message carries the state of a waiting task, and may come from anybody who has the broker."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from parsekit.errors import BadRequest
from parsekit.model import Failure, Tried
from parsekit.pipeline.state import RunState

FAILURE = {"code": "parser_failed", "message": "no", "retryable": False, "retry_after_s": None}
TRIED = {"parser": "script", **FAILURE}
HONEST = RunState(
    started_unix=1.5e9,
    parser_index=1,
    tried=(Tried(parser="script", failure=Failure(**FAILURE)),),
    step="parse",
    parse_failures=2,
    storage_failures=1,
    progress=42.5,
    get_ms=3,
    parse_ms=4,
    parse_began_unix=1.5e9,
    fingerprint="0123456789abcdef0123456789abcdef-42",
    sha256="ab" * 32,
    size_bytes=42,
    ticket={"id": "r1"},
    needs_replay=True,
    parsed=b"{}",
    joined_unix=1.5e9,
)
FIELDS = [field.name for field in dataclasses.fields(RunState)]
#: No field may have one of these.
NOWHERE: list[Any] = [-1, math.inf, math.nan, 10**400, "../../x", "\ud800", [1], [[]], [None]]
FORGED: list[dict[str, Any]] = [
    {"parser_index": 99},
    {"parser_index": 0.5},
    {"parser_index": True},
    {"progress": 101},
    {"fingerprint": ""},
    {"fingerprint": "x/y"},
    {"ticket": "r1"},
    {"parsed": "no base64"},
    {"parsed": "AAAA"},
    {"needs_replay": 1},
    {"tried": {"parser": "script"}},
    {"tried": "script"},
    {"tried": [TRIED | {"parser": 5}]},
    {"tried": [TRIED | {"message": ["x"]}]},
    {"tried": [TRIED | {"retry_after_s": "soon"}]},
    {"unknown": 1},
]


def test_what_a_run_wrote_is_read_as_it_was():
    assert RunState.from_json(HONEST.to_json()) == HONEST
    assert RunState.from_json({"started_unix": 0}) == RunState(started_unix=0)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", NOWHERE, ids=repr)
def test_no_field_takes_what_it_can_not_have(name: str, value: Any):
    with pytest.raises(BadRequest):
        RunState.from_json({**HONEST.to_json(), name: value})


@pytest.mark.parametrize("forged", FORGED, ids=repr)
def test_a_forged_state_ends_the_task_with_bad_request(bench, forged: dict[str, Any]):
    state = {**HONEST.to_json(), **forged}
    outcome = bench.pipeline(settings={"fallback": ["other"]}).run(bench.request(), state)
    assert outcome.failure is not None
    assert outcome.failure.code == "bad_request"
    assert not bench.script.calls
    assert not bench.other.calls
    assert bench.store.counts["fetch"] == 0


@pytest.mark.parametrize("count", [1, 99])
def test_a_parser_that_is_not_in_the_chain_is_not_asked(bench, count: int):
    state = {"started_unix": 1, "parser_index": count, "tried": [TRIED] * count}
    outcome = bench.pipeline().run(bench.request(), state)
    assert outcome.failure is not None
    assert outcome.failure.code == "bad_request"
