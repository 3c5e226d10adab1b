"""Callers hear every task once, in their own contract's words."""

from __future__ import annotations

import pytest

from parsekit.errors import ParserFailed
from parsekit.model import Job, NotReady, Parsed
from parsekit.pipeline.pipeline import Waiting


def run(bench, **more):
    pipeline, state = bench.pipeline(**more), None
    while isinstance(answer := pipeline.run(bench.request(), state), Waiting):
        state = answer.state
    return answer


def test_the_steps_of_a_parse(bench):
    def upload(job: Job) -> NotReady:
        job.progress(30, "Uploading replay to Ballchasing")
        return NotReady(ticket={"id": "r"}, after_s=1)

    def poll(job: Job) -> Parsed:
        job.progress(25, "Getting stats from Ballchasing")
        return Parsed(data={})

    bench.script.steps = [upload, poll]
    run(bench)
    assert bench.told == [
        ("Pending", 10, "Task started..."),
        ("Pending", 20, "Fetching replay..."),
        ("Pending", 30, "Uploading replay to Ballchasing"),
        ("Pending", 30, "Getting stats from Ballchasing"),
        ("Complete", 100, "Complete!"),
    ]


@pytest.mark.parametrize("value", [-5, 95, 1e9, float("nan")])
def test_a_parsers_percentage_stays_in_its_range(bench, value):
    bench.script.steps = [lambda job: (job.progress(value, "x"), Parsed(data={}))[1]]
    run(bench)
    values = [value for _, value, _ in bench.told]
    assert values == sorted(values)
    assert all(10 <= v <= 90 for v in values[:-1])


def test_a_failure_is_one_error(bench):
    bench.script.steps = [ParserFailed("no idea")]
    run(bench)
    assert bench.told[-1][0::2] == ("Error", "no idea")
    assert sum(e.final for e in bench.recorder.progress) == 1


def test_every_message_fits_the_contract(bench, contract, recent_body):
    bench.script.steps = [Parsed(data=recent_body)]
    bench.host.parser_entry("script")
    run(bench, settings={"answer_as": "ballchasing"})
    bench.put(seed=3)
    bench.script.steps = [ParserFailed("no idea")]
    run(bench, settings={"answer_as": "ballchasing"})
    for event in bench.recorder.progress:
        contract.check("progress", [event.to_message()])
    for event in bench.recorder.analytics:
        contract.check("analytics", [event.to_message()])
    assert [e.outcome.ok for e in bench.recorder.analytics] == [True, False]


def test_analytics_name_the_replay_as_callers_do_and_leave_out_what_did_not_happen(bench):
    run(bench)
    run(bench)
    message = bench.recorder.analytics[-1].to_message()["data"]
    assert dict(message["tags"])["hash"] == "a"
    assert dict(message["ints"]).keys() == {"totalMs", "replayKb"}
    first = bench.recorder.analytics[0].to_message()["data"]
    assert dict(first["ints"]).keys() == {"getMs", "parseMs", "putMs", "totalMs", "replayKb"}


def test_parse_time_counts_the_waiting(bench):
    bench.script.steps = [NotReady(ticket={}, after_s=8)]
    pipeline = bench.pipeline()
    waiting = pipeline.run(bench.request())
    bench.time.time += 8
    outcome = pipeline.run(bench.request(), waiting.state)
    assert (outcome.timings.parse_ms, outcome.timings.total_ms) == (8000, 8000)


class Told:
    def __init__(self) -> None:
        self.tasks: set[str] = set()

    def was_reported(self, task_id: str) -> bool:
        return task_id in self.tasks

    def mark_reported(self, task_id: str) -> None:
        self.tasks.add(task_id)


def test_a_task_that_is_delivered_again_is_reported_once(bench):
    reports = Told()
    for _ in range(3):
        bench.pipeline(reports=reports).run(bench.request())
    assert sum(e.final for e in bench.recorder.progress) == 1
    assert len(bench.recorder.analytics) == 1


def test_the_event_id_is_the_same_however_often_it_is_told(bench):
    for _ in range(2):
        bench.pipeline().run(bench.request())
    assert len({e.event_id for e in bench.recorder.analytics}) == 1
