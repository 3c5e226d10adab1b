"""A small form of the simulated fleet: its cost, whom it serves first, and what deaths do."""

from __future__ import annotations

from contextlib import closing

import pytest
import redis

from devkit.servers.valkey import ValkeyServer
from trials.capacity import MOST_EXPONENT, MOST_NOTICED_S, Trial, growth
from trials.simulated_fleet import SimulatedFleet


def test_a_member_costs_the_same_however_many_there_are(
    redis_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    sizes = (3, 30)
    found = growth(redis_server.url(), sizes, beats=300, idle_s=2)
    exponents = found.exponents(sizes)
    assert 0.9 < exponents["beats, commands"] < MOST_EXPONENT
    assert 0.9 < exponents["idle, commands"] < MOST_EXPONENT


@pytest.mark.timeout(300)
def test_a_fleet_serves_callers_first_and_loses_nothing_by_deaths(
    redis_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    with closing(SimulatedFleet(redis_server.url(), slots=2, run_seconds=1.5)) as fleet:
        trial = Trial(fleet, queued=150, waiting=50)
        trial.fill()
        fleet.grow(10)
        trial.work(2)
        asked = trial.waits_s.pop(fleet.at.queue)
        assert len(asked) > 20
        assert max(asked) < 2, "back-fills leave a slot"
        trial.all_due()
        polled = trial.waits_s
        assert len(polled[fleet.at.poll_queue]) == 10
        assert len(polled[fleet.at.bulk_poll_queue]) == 40
        assert max(trial.die()) < MOST_NOTICED_S
        ends, back_fill = fleet.now + 120, {f"bulk-{n}" for n in range(150)}
        while not back_fill <= fleet.ended.keys() and fleet.now < ends:
            fleet.run(1)
        assert back_fill <= fleet.ended.keys()
        assert set(fleet.ended.values()) == {1}


def test_what_is_due_passes_a_back_fill_that_became_due_before(
    redis_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    with closing(SimulatedFleet(redis_server.url(), slots=2)) as fleet:
        trial = Trial(fleet, queued=0, waiting=1000)
        trial.fill()
        fleet.grow(1)
        taken, note = [], fleet.on_taken
        fleet.on_taken = lambda queue, task_id: (taken.append(queue), note(queue, task_id))
        trial.all_due()
        assert taken == [fleet.at.poll_queue] * 200 + [fleet.at.bulk_poll_queue] * 800
