"""The upload quota of an account, against the sandbox in fake time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parsekit import ProviderContext
from parsekit.errors import QuotaExhausted, RateLimited
from parsekit_ballchasing.account import Account, Facts
from parsekit_ballchasing.client import BallchasingClient
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator
from parsekit_ballchasing.simulator.faults import Fault

from .conftest import calls, statuses

Make = Callable[..., Any]
HOUR_S, DAY_S = 3600.0, 86400.0


def test_quota_is_never_exceeded_and_names_the_next_slot(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"day": 3, "week": 70})
    parser = make_parser()
    for name in "abc":
        drive(make_replay(name), parser).run()
    with pytest.raises(QuotaExhausted, match=r"frees at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC") as e:
        drive(make_replay("d"), parser).run()
    assert 0.9 * DAY_S < (e.value.retry_after_s or 0) <= DAY_S
    assert not e.value.retryable
    assert statuses(sandbox, "upload") == [201, 201, 201]


def test_quota_is_waited_for_when_the_deadline_allows(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"day": 1, "week": 70})
    parser = make_parser(deadline=2 * DAY_S)
    drive(make_replay("a"), parser).run()
    drive(make_replay("b"), parser).run()
    first, second = calls(sandbox, "upload")
    assert DAY_S <= second - first <= DAY_S + 5
    assert statuses(sandbox, "upload") == [201, 201]


def test_quota_is_left_to_the_fallback_parser_at_once(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"day": 1, "week": 70})
    parser = make_parser(deadline=2 * DAY_S)
    drive(make_replay("a"), parser).run()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("b"), parser, has_fallback=True).step()


def test_quota_counts_uploads_made_elsewhere(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator, clock: Any
) -> None:
    sandbox.site.configure({"day": 5, "week": 70})
    for _ in range(4):
        sandbox.site.account("test-token-0123456789").uploads.add(clock())
    parser = make_parser()
    drive(make_replay("a"), parser).run()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("b"), parser).run()
    assert statuses(sandbox, "upload") == [201]


def test_quota_freed_on_the_site_is_seen_before_a_task_is_refused(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator, clock: Any
) -> None:
    sandbox.site.configure({"day": 1, "week": 70})
    parser = make_parser()
    drive(make_replay("a"), parser).run()
    sandbox.site.configure({"day": 20})
    clock.sleep(HOUR_S)
    drive(make_replay("b"), parser).run()
    assert statuses(sandbox, "upload") == [201, 201]


def test_quota_leaves_a_reserve_to_interactive_work(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"day": 10, "week": 70})
    parser = make_parser()
    for name in "abcdefgh":
        drive(make_replay(name), parser, bulk=True).run()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("i"), parser, bulk=True).run()
    drive(make_replay("j"), parser).run()
    assert len(statuses(sandbox, "upload")) == 9


def test_quota_without_a_ping_is_the_free_tiers(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"show_quota": False})
    parser = make_parser()
    for number in range(10):
        drive(make_replay(f"n{number}"), parser).run()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("eleventh"), parser).run()


def test_quota_that_only_the_api_knows_of_stops_uploads_and_no_looks(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"show_quota": False, "day": 1})
    parser = make_parser()
    early = drive(make_replay("a"), parser)
    early.step()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("b"), parser).run()
    assert early.run().data["status"] == "ok"
    with pytest.raises(RateLimited, match="allows no call"):
        drive(make_replay("c"), parser).run()
    assert statuses(sandbox, "upload") == [201, 429]


def test_quota_of_an_account_with_a_day_limit_of_zero_uploads_nothing(
    drive: Make, sandbox: Simulator
) -> None:
    sandbox.site.configure({"day": 0, "week": 70})
    with pytest.raises(QuotaExhausted):
        drive().run()
    assert calls(sandbox, "upload") == []


def test_a_quota_that_no_ping_tells_is_not_waited_for_without_end(
    drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
) -> None:
    sandbox.faults.scripted = [Fault(kind="500", endpoint="ping") for _ in range(500)]
    parser = make_parser(deadline=100)
    for number in range(10):
        drive(make_replay(f"n{number}"), parser).run()
    with pytest.raises(QuotaExhausted):
        drive(make_replay("eleventh"), parser).run()


class Overtaken(Account):
    """Another worker's ping is answered just after this one has looked for the last time."""

    def facts(self, *, reread: bool = False) -> Facts:
        found = super().facts(reread=reread)
        if reread:
            self.learn({"type": "gc"})
        return found


def test_a_quota_that_another_worker_learns_meanwhile_refuses_no_task(
    drive: Make, make_replay: Make, sandbox: Simulator, clock: Any, token_file: Path, tmp_path: Path
) -> None:
    sandbox.site.configure({"day": -1, "week": -1})
    sandbox.faults.scripted = [Fault(kind="500", endpoint="ping") for _ in range(500)]
    settings = BallchasingSettings(url=sandbox.url, token_file=token_file)
    token = settings.read_token()
    client = BallchasingClient(sandbox.url, token, clock=clock)
    times = {"clock": clock, "ticks": clock, "sleep": clock.sleep}
    budget = Budget.open(None, sandbox.url, token, client.ping, **times)
    overtaken = Overtaken(budget.store, client.ping, token, clock=clock)
    context = ProviderContext(settings=settings, data_dir=tmp_path)
    own = {"client": client, "budget": replace(budget, account=overtaken)}
    parser = BallchasingParser(context, **times, **own)
    for number in range(11):
        drive(make_replay(f"n{number}"), parser).run()
    assert statuses(sandbox, "upload") == [201] * 11
    parser.close()
