"""How soon replays are answered, and for how many looks, against the sandbox in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.valkey import ValkeyServer
from parsekit import ProviderContext, Replay
from parsekit_ballchasing.client import BallchasingClient, PollAnswer, Uploaded
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.rate_limit import Permit
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator, SiteOptions
from parsekit_ballchasing.simulator.virtual_time import VirtualTime

from .conftest import TOKEN, Drive

#: What a call takes there and back, and a wait on its way through a broker, seconds.
CALL_S, HOP_S = 0.02, 0.01
#: Drivers add up to so much to a wait.
SPREAD = 1.1


class FarClient(BallchasingClient):
    """Calls that take a moment of virtual time."""

    time: VirtualTime

    def upload(self, path: Path, visibility: str) -> Uploaded:
        self.time.sleep(CALL_S / 2)
        uploaded = super().upload(path, visibility)
        self.time.sleep(CALL_S / 2)
        return uploaded

    def look(self, replay_id: str) -> PollAnswer:
        self.time.sleep(CALL_S / 2)
        looked = super().look(replay_id)
        self.time.sleep(CALL_S / 2)
        return looked


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of some replays that were sent at once: seconds, and looks a replay."""

    each_s: list[float]
    looks: float
    refused: int

    @property
    def all_s(self) -> float:
        return max(self.each_s)


@dataclass
class Fleet:
    """Workers with one budget, and the site that they share."""

    time: VirtualTime
    simulator: Simulator
    workers: list[BallchasingParser]
    make_replay: Callable[..., Replay]

    def answer(self, replays: int) -> Answered:
        began = self.time()
        each_s: list[float] = []
        before = self.simulator.site.counts.calls.get("replay", 0)

        def drive(task: Drive) -> None:
            task.run()
            each_s.append(self.time() - began)

        for number in range(replays):
            task = Drive(
                parser=self.workers[number % len(self.workers)],
                replay=self.make_replay(f"replay-{number}", size_bytes=200),
                clock=self.time,
                hop_s=lambda wait_s: max(wait_s, 0.05) * SPREAD + HOP_S,
            )
            self.time.start(lambda task=task: drive(task))  # type: ignore[misc]
        self.time.run()
        counts = self.simulator.site.counts
        looks = (counts.calls["replay"] - before) / replays
        return Answered(each_s, looks, sum(counts.refused.values()))

    def spend(self, looks: int) -> None:
        """Use up a part of the hour."""
        parser = self.workers[0]
        of_site = self.simulator.site.account(TOKEN).calls

        def spend() -> None:
            parser.budget.account.refresh()
            while parser.budget.store.calls("replay", 3600) < looks:
                permit = parser.budget.calls.acquire("replay", waiter="spender")
                if not isinstance(permit, Permit):
                    self.time.sleep(permit.wait_s)
                    continue
                parser.budget.calls.make(permit, lambda: of_site.admit("replay", (), self.time()))

        self.time.start(spend)
        self.time.run()


@pytest.fixture
def make_fleet(
    tmp_path: Path, token_file: Path, make_replay: Callable[..., Replay]
) -> Iterator[Callable[..., Fleet]]:
    opened: list[Any] = []

    def make(
        tier: str,
        pending_s: tuple[float, float],
        *,
        workers: int = 1,
        redis_url: str | None = None,
    ) -> Fleet:
        time = VirtualTime()
        options = SiteOptions(tier=tier, pending_s=pending_s, day=-1, week=-1)
        simulator = Simulator(options, clock=time).__enter__()
        opened.append(simulator.__exit__)
        settings = BallchasingSettings(url=simulator.url, token_file=token_file)
        token = settings.read_token()

        def worker() -> BallchasingParser:
            client = FarClient(simulator.url, token, clock=time)
            client.time = time
            budget = Budget.open(
                redis_url,
                simulator.url,
                token,
                client.ping,
                data_dir=tmp_path,
                clock=time,
                ticks=time,
                sleep=time.sleep,
                shared_clock=time,
            )
            parser = BallchasingParser(
                ProviderContext(settings=settings),
                clock=time,
                ticks=time,
                sleep=time.sleep,
                client=client,
                budget=budget,
            )
            opened.append(parser.close)
            return parser

        return Fleet(time, simulator, [worker() for _ in range(workers)], make_replay)

    yield make
    for close in reversed(opened):
        close()


@pytest.mark.parametrize("tier", ["regular", "gc"])
@pytest.mark.parametrize("ready_s", [0, 1, 1.9, 5, 6.6, 8, 14, 20, 31, 60, 90, 120])
def test_one_replay_is_answered_soon_after_it_is_ready(
    make_fleet: Callable[..., Fleet], tier: str, ready_s: float
) -> None:
    answered = make_fleet(tier, (ready_s, ready_s)).answer(1)
    assert answered.all_s <= ready_s + max(1.0, 0.15 * ready_s)


@pytest.mark.parametrize("workers", [1, 4])
def test_forty_replays_at_sixteen_calls_a_second(
    make_fleet: Callable[..., Fleet], redis_server: ValkeyServer, workers: int
) -> None:
    redis_url = redis_server.url() if workers > 1 else None
    answered = make_fleet("gc", (8, 8), workers=workers, redis_url=redis_url).answer(40)
    assert answered.all_s <= 13
    assert answered.looks <= 6
    assert answered.refused == 0


def test_a_hundred_replays_at_two_calls_a_second(make_fleet: Callable[..., Fleet]) -> None:
    answered = make_fleet("regular", (6, 6)).answer(100)
    assert answered.all_s <= 66
    assert answered.refused == 0


def test_a_hundred_replays_when_the_hour_is_nearly_used(
    make_fleet: Callable[..., Fleet], redis_server: ValkeyServer
) -> None:
    fleet = make_fleet("regular", (3, 20), workers=4, redis_url=redis_server.url())
    fleet.spend(870)
    answered = fleet.answer(100)
    assert answered.looks <= 1.3
    assert answered.refused == 0


def test_what_was_learned_in_plenty_helps_when_calls_are_scarce(
    make_fleet: Callable[..., Fleet],
) -> None:
    fleet = make_fleet("regular", (5, 5))
    for _ in range(6):
        fleet.answer(1)
    fleet.spend(800)
    answered = fleet.answer(1)
    assert answered.all_s <= 7
    assert answered.looks <= 2


def test_no_call_leaves_before_an_announced_time_is_over(
    make_fleet: Callable[..., Fleet], redis_server: ValkeyServer
) -> None:
    fleet = make_fleet("regular", (3, 20), workers=4, redis_url=redis_server.url())
    fleet.simulator.faults.rate = 0.2
    fleet.simulator.faults.seconds, fleet.simulator.faults.kinds = 30, ("429-seconds", "500")
    fleet.answer(40)
    assert fleet.simulator.site.counts.early_calls == 0
