"""The same replay asked for at once is fetched and parsed once; everybody gets the result."""

from __future__ import annotations

import pytest

from parsekit.errors import ParserFailed
from parsekit.model import NotReady, Outcome
from parsekit.pipeline.pipeline import Waiting


@pytest.mark.parametrize("disable_cache", [False, True])
def test_a_second_task_waits_and_takes_the_first_ones_result(bench, disable_cache):
    bench.script.steps = [NotReady(ticket={"id": "r"}, after_s=5)]
    bench.put("replays/copy.replay")
    pipeline = bench.pipeline()
    leader = pipeline.run(bench.request(disable_cache=disable_cache))
    ask = bench.request("replays/copy.replay", "task-2", disable_cache=disable_cache)
    follower = pipeline.run(ask)
    assert isinstance(leader, Waiting)
    assert isinstance(follower, Waiting)
    assert follower.reason == "another task parses this replay"
    bench.time.time += 5
    assert isinstance(
        pipeline.run(bench.request(disable_cache=disable_cache), leader.state), Outcome
    )
    shared = pipeline.run(ask, follower.state)
    assert (shared.ok, shared.cached) == (True, True)
    assert [call for call, _ in bench.script.calls] == ["parse", "resume"]
    assert bench.store.counts["fetch"] == 1
    assert len(bench.recorder.analytics) == 2


def test_a_failed_leader_lets_the_next_try(bench):
    bench.script.steps = [NotReady(ticket={}, after_s=5), ParserFailed("no")]
    pipeline = bench.pipeline()
    leader = pipeline.run(bench.request())
    follower = pipeline.run(bench.request(task="task-2"))
    assert not pipeline.run(bench.request(), leader.state).ok
    assert pipeline.run(bench.request(task="task-2"), follower.state).ok


def test_a_task_takes_its_own_lock_up_again(bench):
    bench.script.steps = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        bench.pipeline().run(bench.request())
    assert bench.pipeline().run(bench.request()).ok
