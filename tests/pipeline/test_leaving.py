"""What a task holds is free, and its ticket gone, as soon as nobody can use them any more."""

from __future__ import annotations

import pytest

from parsekit.errors import (
    ParserFailed,
    PluginFailed,
    QuotaExhausted,
    RateLimited,
    RemoteRejected,
    RemoteTimeout,
    RemoteUnavailable,
)
from parsekit.model import NotReady, Outcome, Parsed
from parsekit.pipeline.locks import LocalLocks
from parsekit.pipeline.pipeline import Waiting
from parsekit.retry import RetryPolicy
from parsekit.storage.tickets import Tickets

PENDING = NotReady(ticket={"id": "r1"}, after_s=600)


def tickets(bench) -> list[str]:
    folder = bench.store.root
    return [path.name for path in folder.rglob("*") if "tickets" in path.parts and path.is_file()]


def waits(answer: Outcome | Waiting) -> Waiting:
    assert isinstance(answer, Waiting), answer
    return answer


def test_a_cancelled_task_that_waited_leaves_neither_lock_nor_ticket(bench):
    bench.script.steps = [PENDING]
    pipeline = bench.pipeline()
    leader = waits(pipeline.run(bench.request()))
    follower = waits(pipeline.run(bench.request(task="task-2")))
    assert tickets(bench)
    pipeline.release(bench.request(), leader.state)
    assert tickets(bench) == []
    assert pipeline.run(bench.request(task="task-2"), follower.state).ok


def test_a_cancelled_task_that_waited_for_another_leaves_the_others_alone(bench):
    bench.script.steps = [PENDING]
    pipeline = bench.pipeline()
    leader = waits(pipeline.run(bench.request()))
    follower = waits(pipeline.run(bench.request(task="task-2")))
    pipeline.release(bench.request(task="task-2"), follower.state)
    assert tickets(bench)
    waits(pipeline.run(bench.request(task="task-3")))
    assert pipeline.run(bench.request(), leader.state).ok
    assert [call for call, _ in bench.script.calls] == ["parse", "resume"]


def test_a_task_that_was_cut_short_once_it_had_stored_leaves_no_ticket(bench, monkeypatch):
    bench.script.steps = [PENDING]
    pipeline = bench.pipeline()
    leader = waits(pipeline.run(bench.request()))
    with monkeypatch.context() as killed:
        killed.setattr(Tickets, "drop", lambda *_: None)
        assert pipeline.run(bench.request(), leader.state).ok
    assert tickets(bench)
    assert pipeline.run(bench.request(), leader.state).ok
    assert tickets(bench) == []
    assert [call for call, _ in bench.script.calls] == ["parse", "resume"]


def test_the_state_of_a_stranger_is_let_go_without_an_error(bench):
    bench.pipeline().release(bench.request(), {"no": "state"})
    bench.pipeline().release(bench.request(), {"started_unix": 1.0, "parser_index": 0})


@pytest.mark.parametrize("error", [RemoteRejected, ParserFailed, PluginFailed])
def test_a_failure_of_the_upload_itself_takes_the_ticket_along(bench, error):
    bench.script.steps = [PENDING, error("no"), Parsed(data={"answer": 2})]
    leader = waits(bench.pipeline().run(bench.request()))
    assert not bench.pipeline().run(bench.request(), leader.state).ok
    assert tickets(bench) == []
    assert bench.pipeline().run(bench.request(task="task-2")).ok
    assert [call for call, _ in bench.script.calls] == ["parse", "resume", "parse"]


@pytest.mark.parametrize("error", [RemoteTimeout, RemoteUnavailable, RateLimited, QuotaExhausted])
def test_after_any_other_failure_a_repeat_needs_no_second_upload(bench, error):
    bench.script.steps = [PENDING, *[error("not now")] * 4, Parsed(data={"answer": 2})]
    pipeline = bench.pipeline()
    answer = waits(pipeline.run(bench.request()))
    while isinstance(answer, Waiting):
        answer = pipeline.run(bench.request(), answer.state)
    assert answer.failure is not None
    bench.script.steps = []
    assert pipeline.run(bench.request(task="task-2")).ok
    calls = [call for call, _ in bench.script.calls]
    assert calls == ["parse", *["resume"] * (len(calls) - 1)]
    assert tickets(bench) == []


def test_a_ticket_that_was_of_no_use_goes_before_the_next_parser_is_asked(bench):
    bench.script.steps = [PENDING, RemoteRejected("no")]
    pipeline = bench.pipeline(settings={"fallback": ["other"]})
    leader = waits(pipeline.run(bench.request()))
    outcome = pipeline.run(bench.request(), leader.state)
    assert outcome.ok
    assert tickets(bench) == []


def test_a_task_whose_result_appeared_while_it_waited_leaves_no_lock(bench):
    bench.script.steps = [PENDING]
    leader = waits(bench.pipeline().run(bench.request()))
    ours, bench.locks = bench.locks, LocalLocks()
    assert bench.pipeline().run(bench.request(task="elsewhere")).ok
    bench.locks = ours
    assert bench.pipeline().run(bench.request(), leader.state).cached
    again = bench.request(task="task-2", disable_cache=True)
    assert isinstance(bench.pipeline().run(again), Outcome)


def test_a_result_that_is_stored_late_leaves_no_lock(bench):
    bench.store.away = {"write"}
    pipeline = bench.pipeline(storage_retry=RetryPolicy(max_attempts=9))
    leader = waits(pipeline.run(bench.request()))
    bench.store.away = set()
    assert pipeline.run(bench.request(), leader.state).ok
    assert isinstance(pipeline.run(bench.request(task="task-2", disable_cache=True)), Outcome)
