"""What has to wait goes back to the driver, and nothing is done twice by that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from parsekit import hookimpl
from parsekit.errors import (
    InvalidReplay,
    PluginFailed,
    QuotaExhausted,
    RateLimited,
    RemoteTimeout,
    RemoteUnavailable,
    StorageDenied,
)
from parsekit.model import Job, NotReady, Outcome, Parsed
from parsekit.pipeline.pipeline import Waiting
from parsekit.providers import ObjectInfo, ParserEntry
from parsekit.testing.replays.file import believable_match, synthetic_replay


def waits(answer: Outcome | Waiting) -> Waiting:
    assert isinstance(answer, Waiting), answer
    return answer


def test_a_pending_replay_is_resumed_from_its_ticket_in_another_process(bench):
    bench.script.steps = [
        NotReady(ticket={"id": "r1"}, after_s=7, reason="pending"),
        NotReady(ticket={"id": "r1"}, after_s=9),
        Parsed(data={"answer": 1}),
    ]
    first = waits(bench.pipeline().run(bench.request()))
    assert (first.after_s, first.reason) == (7, "pending")
    wire = json.loads(json.dumps(first.state))
    second = waits(bench.pipeline().run(bench.request(), wire))
    outcome = bench.pipeline().run(bench.request(), second.state)
    assert outcome.data == {"answer": 1}
    assert [call for call, _ in bench.script.calls] == ["parse", "resume", "resume"]
    assert bench.script.calls[1][1] == {"id": "r1"}
    assert bench.store.counts["fetch"] == 1
    assert len(json.dumps(wire)) < 1000


def test_each_look_at_a_pending_replay_costs_the_storage_one_head_and_one_read(bench):
    bench.script.steps = [NotReady(ticket={"id": "r1"}, after_s=1) for _ in range(4)]
    state = waits(bench.pipeline().run(bench.request())).state
    bench.store.counts = dict.fromkeys(bench.store.counts, 0)
    for _ in range(3):
        state = waits(bench.pipeline().run(bench.request(), state)).state
    assert bench.store.counts == {"head": 3, "fetch": 0, "read": 3, "write": 0}


def test_a_worker_killed_after_the_upload_leaves_its_ticket(bench):
    def upload_then_die(job: Job) -> NotReady:
        job.checkpoint({"id": "r1"})
        raise KeyboardInterrupt

    bench.script.steps = [upload_then_die]
    with pytest.raises(KeyboardInterrupt):
        bench.pipeline().run(bench.request())
    delivered_again = bench.pipeline().run(bench.request())
    assert delivered_again.ok
    assert [call for call, _ in bench.script.calls] == ["parse", "resume"]
    assert bench.store.counts["fetch"] == 1


def test_a_ticket_that_may_not_be_removed_fails_nobody(bench):
    def denied(key: str) -> None:
        raise StorageDenied(f"{key}: grant s3:DeleteObject")

    bench.script.steps = [lambda job: (job.checkpoint({"id": "r1"}), Parsed(data={}))[1]]
    bench.store.delete = denied
    assert bench.pipeline().run(bench.request()).ok


def test_complete_is_told_once_the_object_can_be_read(bench):
    found = []

    class Reader:
        @hookimpl
        def parsekit_progress(self, event):
            if event.status == "Complete":
                found.append(bench.store.read(event.outcome.output_path))

    bench.host.register(Reader(), "reader")
    bench.store.away = {"write"}
    waiting = waits(bench.pipeline().run(bench.request()))
    assert "Complete" not in [status for status, *_ in bench.told]
    bench.store.away = set()
    assert bench.pipeline().run(bench.request(), waiting.state).ok
    assert len(found) == 1
    assert found[0] is not None


def test_a_replay_that_is_replaced_while_it_is_looked_up_is_never_the_old_ones_result(bench):
    """Another content of the same size, put between the HEAD and the GET, as S3 tells of it."""
    key, bodies = (
        bench.request().replay,
        [synthetic_replay(believable_match(seed=seed, team_size=1), frames=0) for seed in (0, 1)],
    )
    assert len(bodies[0]) == len(bodies[1])

    def info(body: bytes) -> ObjectInfo:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return ObjectInfo(key=key, size_bytes=len(body), etag=etag)

    stands = [bodies[0]]
    bench.store.head = lambda _key: info(stands[-1])

    def fetch(_key, target, *, max_bytes):
        stands.append(bodies[1])
        target.write_bytes(bodies[1])
        return replace(info(bodies[1]), sha256=hashlib.sha256(bodies[1]).hexdigest())

    bench.store.fetch = fetch
    waiting = waits(bench.pipeline().run(bench.request()))
    assert "changed while it was read" in waiting.reason
    outcome = bench.pipeline().run(bench.request(), waiting.state)
    assert outcome.hash == hashlib.sha256(bodies[1]).hexdigest()
    assert hashlib.md5(bodies[1], usedforsecurity=False).hexdigest() in outcome.output_path


def test_a_ticket_is_gone_when_the_task_is_done(bench):
    bench.script.steps = [lambda job: (job.checkpoint({"id": "r1"}), Parsed(data={}))[1]]
    bench.pipeline().run(bench.request())
    assert not list((bench.folder / "store").rglob("tickets/**/*.json"))


def test_a_ticket_that_needs_the_replay_gets_it(bench):
    bench.script.steps = [NotReady(ticket={"slot": 5}, after_s=1, needs_replay=True)]
    first = waits(bench.pipeline().run(bench.request()))
    assert bench.pipeline().run(bench.request(), first.state).ok
    assert [call for call, _ in bench.script.calls] == ["parse", "parse"]


def test_the_seeds_schedule_then_the_failure(bench):
    bench.script.steps = [RemoteUnavailable(f"down {n}") for n in range(9)]
    pipeline, state, delays = bench.pipeline(), None, []
    while isinstance(answer := pipeline.run(bench.request(), state), Waiting):
        delays.append(answer.after_s)
        state = answer.state
    assert delays == [4, 16, 64]
    assert (answer.failure.code, answer.failure.message) == ("remote_unavailable", "down 3")
    assert len(bench.script.calls) == 4


def test_what_was_announced_wins_over_the_schedule(bench):
    bench.script.steps = [RateLimited("slow down", retry_after_s=33)]
    assert waits(bench.pipeline().run(bench.request())).after_s == 33


def test_final_errors_are_final(bench):
    bench.script.steps = [RemoteTimeout("too long")]
    outcome = bench.pipeline().run(bench.request())
    assert outcome.failure.code == "remote_timeout"
    assert len(bench.script.calls) == 1


def test_a_storage_that_is_away_is_tried_again_and_the_parse_is_not(bench):
    bench.store.away = {"write"}
    first = waits(bench.pipeline().run(bench.request()))
    second = waits(bench.pipeline().run(bench.request(), json.loads(json.dumps(first.state))))
    bench.store.away = set()
    outcome = bench.pipeline().run(bench.request(), second.state)
    assert (outcome.ok, outcome.data) == (True, {"answer": 42})
    assert len(bench.script.calls) == 1
    assert bench.store.read(outcome.output_path)


def test_a_person_gets_the_result_although_it_can_not_be_stored(bench):
    bench.store.away = {"write", "read"}
    outcome = bench.pipeline(must_store=False).run(bench.request())
    assert (outcome.ok, outcome.output_path) == (True, None)
    assert "no write today" in outcome.warnings[0]


@pytest.mark.parametrize(
    "state", [{"nonsense": 1}, {"started_unix": 1, "parsed": "!"}, {"started_unix": 1, "tried": 3}]
)
def test_a_state_that_is_no_state_is_a_bad_request(bench, state):
    outcome = bench.pipeline().run(bench.request(), state)
    assert outcome.failure.code == "bad_request"


def test_the_next_parser_answers_when_another_could(bench):
    bench.script.steps = [QuotaExhausted("none left", retry_after_s=86_400)]
    outcome = bench.pipeline(settings={"fallback": ["other"]}).run(bench.request())
    assert (outcome.ok, outcome.parser) == (True, "other")
    assert [(t.parser, t.failure.code) for t in outcome.tried] == [("script", "quota_exhausted")]


def test_an_api_that_is_away_is_given_its_retries_before_the_next_parser(bench):
    bench.script.steps = [RemoteUnavailable("down") for _ in range(4)]
    pipeline, state, hops = bench.pipeline(settings={"fallback": ["other"]}), None, 0
    while isinstance(answer := pipeline.run(bench.request(), state), Waiting):
        state, hops = answer.state, hops + 1
    assert (answer.parser, hops) == ("other", 3)


def test_a_damaged_replay_never_leads_to_another_parser(bench):
    bench.script.steps = [InvalidReplay("header is broken")]
    outcome = bench.pipeline(settings={"fallback": ["other"]}).run(bench.request())
    assert outcome.failure.code == "invalid_replay"
    assert bench.other.calls == []


def test_what_a_message_knows_holds_only_for_what_is_there_now(bench):
    """The object was replaced while the task waited: its ticket is of another replay."""
    bench.script.steps = [NotReady(ticket={"id": "r1"}, after_s=7), Parsed(data={"of": "the new"})]
    first = waits(bench.pipeline().run(bench.request()))
    bench.put(seed=99)
    outcome = bench.pipeline().run(bench.request(), first.state)
    assert outcome.data == {"of": "the new"}
    other = synthetic_replay(believable_match(seed=99, team_size=1), frames=0)
    assert outcome.hash == hashlib.sha256(other).hexdigest()
    assert [call for call, _ in bench.script.calls] == ["parse", "parse"]


def test_a_local_parser_has_nothing_to_go_on_from(bench):
    """It would be made in the worker's own process, with all rights."""
    pipeline = bench.pipeline()
    entry = ParserEntry(name="script", version="1.0", create="no.such:module", runs="local")
    with pytest.raises(PluginFailed, match="has nothing to go on from"):
        pipeline.parsers.resume(entry, Job(task_id="t", ticket={}))
