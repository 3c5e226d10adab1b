"""When to look: the schedule alone, what it learns from, and where that is kept."""

from __future__ import annotations

import json
import math
import os
import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parsekit.worker.celery_settings import MAX_REST_SECONDS
from parsekit.worker.resume import delay_queue, hop_seconds
from parsekit_ballchasing.polling import PollSchedule, ReadyTimes
from parsekit_ballchasing.polling.learned_times import InFile, InStore, Kept
from parsekit_ballchasing.rate_limit import Load
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.rate_limit.local_store import LocalStore
from parsekit_ballchasing.settings import BallchasingSettings

SCHEDULE = PollSchedule()
#: Seconds that a look takes, with all around it.
LOOK_S = 0.05

#: What drivers make of a wait: the command line keeps it, workers add to it.
DRIVERS: dict[str, Callable[[float], float]] = {
    "command line": lambda wait_s: wait_s,
    "redis": lambda wait_s: hop_seconds(wait_s, MAX_REST_SECONDS),
    "rabbitmq": lambda wait_s: (
        delay_queue("q", hop_seconds(wait_s)).queue_arguments["x-message-ttl"] / 1000
    ),
}

ages_s = st.floats(0, 120)
spans = st.tuples(st.floats(0, 900), st.floats(0.01, 900)).map(lambda s: (s[0], s[0] + s[1]))
learned = st.lists(spans, max_size=20).map(lambda found: taught(*found))


def taught(*found: tuple[float, float]) -> ReadyTimes:
    times = ReadyTimes.reported()
    for pending_s, ready_s in found:
        times = times.with_replay(pending_s, ready_s)
    return times


def load(waiting: int = 1, per_second: float = 2.0, fullness: float = 0.0) -> Load:
    return Load(waiting=waiting, per_second=per_second, fullness=fullness)


def looks_s(load: Load, times: ReadyTimes, until_s: float) -> Iterable[float]:
    """The ages at which a replay is looked at, to the first one at or after ``until_s``."""
    age_s = 0.0
    while age_s < until_s:
        age_s += SCHEDULE.wait_s(age_s, load, times)
        yield age_s


class TestWhilePlenty:
    @pytest.mark.parametrize("driver", DRIVERS)
    @given(ready_s=ages_s, times=learned, fullness=st.floats(0, 0.5))
    def test_a_replay_is_answered_soon_after_it_is_ready(
        self, driver: str, ready_s: float, times: ReadyTimes, fullness: float
    ) -> None:
        age_s = 0.0
        while True:
            wait_s = SCHEDULE.wait_s(age_s, load(fullness=fullness), times)
            looked_s = age_s + DRIVERS[driver](wait_s)
            age_s = looked_s + LOOK_S
            if looked_s >= ready_s:
                break
        assert age_s <= ready_s + max(1.0, 0.15 * ready_s)

    @given(times=learned)
    def test_looks_stay_within_what_one_replay_may_cost(self, times: ReadyTimes) -> None:
        assert len(list(looks_s(load(), times, 10))) <= 15
        assert len(list(looks_s(load(), times, 120))) <= 45


class TestCrowd:
    @given(ages_s, st.integers(1, 500), st.sampled_from([2.0, 4.0, 8.0, 16.0]), learned)
    def test_shares_the_calls_of_a_second(
        self, age_s: float, waiting: int, per_second: float, times: ReadyTimes
    ) -> None:
        wait_s = SCHEDULE.wait_s(age_s, load(waiting, per_second), times)
        patient_s = SCHEDULE.wait_s(age_s, load(fullness=1.0), times)
        assert wait_s >= min(waiting / per_second, patient_s)

    @given(ages_s, st.integers(1, 100), learned, st.floats(0, 1))
    def test_waits_longer_the_more_there_are(
        self, age_s: float, waiting: int, times: ReadyTimes, fullness: float
    ) -> None:
        few, more = (
            SCHEDULE.wait_s(age_s, load(number, fullness=fullness), times)
            for number in (waiting, waiting + 10)
        )
        assert few <= more


class TestScarcity:
    @given(st.floats(-5, 2000), st.integers(0, 10**6), learned, st.floats(0, 5))
    def test_never_makes_a_wait_senseless(
        self, age_s: float, waiting: int, times: ReadyTimes, fullness: float
    ) -> None:
        wait_s = SCHEDULE.wait_s(age_s, load(waiting, fullness=fullness), times)
        assert SCHEDULE.shortest_s <= wait_s <= 300.0

    @given(ages_s, learned, st.floats(0, 1), st.floats(0, 1))
    def test_spaces_looks_out_as_the_hour_fills(
        self, age_s: float, times: ReadyTimes, one: float, other: float
    ) -> None:
        emptier, fuller = (
            SCHEDULE.wait_s(age_s, load(fullness=fullness), times)
            for fullness in sorted((one, other))
        )
        assert emptier <= fuller

    @pytest.mark.parametrize(
        ("name", "took_s"),
        [
            ("as in the sandbox", lambda dice: dice.uniform(3, 20)),
            ("as people report", lambda dice: dice.uniform(10, 60)),
            ("always alike", lambda _: 25.0),
            ("with a long tail", lambda dice: dice.lognormvariate(3, 0.5)),
            ("longer than anybody reports", lambda dice: dice.uniform(150, 250)),
        ],
    )
    def test_costs_little_more_than_a_look_a_replay(
        self, name: str, took_s: Callable[[random.Random], float]
    ) -> None:
        dice = random.Random(name)  # noqa: S311
        times, looks = ReadyTimes.reported(), 0
        for number in range(700):
            ready_s, before_s, age_s = took_s(dice), 0.0, 0.0
            for age_s in looks_s(load(fullness=0.9), times, ready_s):
                looks += number >= 100
                if age_s < ready_s:
                    overdue = SCHEDULE.is_overdue
                    if overdue(age_s, times) and not overdue(before_s, times):
                        times = times.with_replay(age_s)
                    before_s = age_s
            times = times.with_replay(before_s, age_s)
        assert looks / 600 <= 1.3


class TestReadyTimes:
    def test_are_what_people_report_before_anything_was_learned(self) -> None:
        assert 10 <= ReadyTimes.reported().age_s(0.5) <= 60

    @pytest.mark.parametrize("span", [(1.8, 2.4), (7.3, 8.2), (25.0, 28.0), (200.0, 225.0)])
    def test_are_learned_in_a_handful_of_replays(self, span: tuple[float, float]) -> None:
        expected_s = taught(*[span] * 6).age_s(SCHEDULE.aim)
        assert 0.8 * span[0] <= expected_s <= 1.2 * span[1]

    def test_that_change_are_learned_anew(self) -> None:
        times = taught(*[(55.0, 60.0)] * 50)
        for _ in range(12):
            times = times.with_replay(4.5, 5.0)
        assert times.age_s(0.5) <= 6
        for _ in range(12):
            times = times.with_replay(80.0, 88.0)
        assert times.age_s(0.5) >= 70

    def test_that_are_known_only_from_above_come_down_by_themselves(self) -> None:
        times = taught(*[(55.0, 60.0)] * 50)
        for _ in range(300):
            times = times.with_replay(0.0, times.age_s(SCHEDULE.aim))
        assert times.age_s(SCHEDULE.aim) < 30

    def test_of_many_wide_spans_are_where_these_agree(self) -> None:
        spans = [(3.0, 7.2), (5.5, 9.0), (0.0, 7.4), (4.6, 60.0), (0.0, 9.0)]
        times = taught(*spans * 10)
        assert 5.3 <= times.age_s(0.2) <= times.age_s(0.8) <= 7.5

    @given(learned)
    def test_are_always_a_whole(self, times: ReadyTimes) -> None:
        assert math.fsum(times.shares) == pytest.approx(1.0)
        assert times.age_s(0.1) <= times.age_s(0.5) <= times.age_s(0.99)

    @given(learned)
    def test_survive_being_kept(self, times: ReadyTimes) -> None:
        kept = ReadyTimes.from_json(json.loads(json.dumps(times.to_json())))
        assert kept.replays == times.replays
        assert kept.shares == pytest.approx(times.shares, abs=1e-4)

    @given(st.floats(allow_nan=True), st.floats(allow_nan=True))
    @example(0.0, math.nan)
    @example(math.nan, math.inf)
    def test_learn_nothing_from_what_is_no_time(self, low: float, high: float) -> None:
        times = ReadyTimes.reported().with_replay(low, high)
        assert math.fsum(times.shares) == pytest.approx(1.0)

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"shares": 7, "replays": 1},
            {"shares": [], "replays": 1},
            {"shares": [1.0], "replays": 1},
            {"shares": [0.0] * len(ReadyTimes.reported().shares), "replays": 1},
            {"shares": [-1.0] * len(ReadyTimes.reported().shares), "replays": 1},
            {"shares": ["1"] * len(ReadyTimes.reported().shares), "replays": 1},
            {"shares": [math.nan] * len(ReadyTimes.reported().shares), "replays": 1},
            {"shares": [1.0] * len(ReadyTimes.reported().shares), "replays": -1},
        ],
    )
    def test_that_make_no_sense_are_not_believed(self, document: Any) -> None:
        assert ReadyTimes.from_json(document) == ReadyTimes.reported()


class TestKept:
    @pytest.fixture(params=["store", "file"])
    def kept(self, request: Any, tmp_path: Path) -> Kept:
        if request.param == "store":
            return InStore(LocalStore(), "ready-times")
        return InFile(tmp_path / "data" / "times.json")

    def test_is_empty_at_first_and_then_what_was_made_of_it(self, kept: Kept) -> None:
        assert kept.read() == {}
        assert kept.change(lambda document: {**document, "a": 1}) == {"a": 1}
        assert kept.change(lambda document: {**document, "b": "x" * 500}) == kept.read()
        assert kept.change(lambda _: {"c": 3}) == kept.read() == {"c": 3}

    def test_loses_no_change_of_several_at_once(self, kept: Kept) -> None:
        def add() -> None:
            for _ in range(50):
                kept.change(lambda document: {"n": document.get("n", 0) + 1})

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kept.read() == {"n": 200}


class TestFile:
    def test_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "times.json"
        InFile(path).change(lambda _: {"a": 1})
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    @pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff", "[" * 30_000])
    def test_that_is_damaged_is_written_anew(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "times.json"
        path.write_text(text)
        assert InFile(path).read() == {}
        assert InFile(path).change(lambda document: {**document, "a": 1}) == {"a": 1}
        assert InFile(path).read() == {"a": 1}

    def test_that_is_a_link_is_neither_read_nor_written(self, tmp_path: Path) -> None:
        (tmp_path / "other").write_text('{"a": 1}')
        (tmp_path / "times.json").symlink_to("other")
        kept = InFile(tmp_path / "times.json")
        assert kept.read() == {}
        assert kept.change(lambda document: {**document, "b": 2}) == {"b": 2}
        assert (tmp_path / "other").read_text() == '{"a": 1}'

    def test_that_cannot_be_made_fails_nobody(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("no folder")
        kept = InFile(tmp_path / "data" / "times.json")
        assert kept.read() == {}
        assert kept.change(lambda _: {"a": 1}) == {"a": 1}

    def test_that_is_a_pipe_holds_nobody_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "times.json")
        kept = InFile(tmp_path / "times.json")
        assert kept.read() == {}
        assert kept.change(lambda _: {"a": 1}) == {"a": 1}


def test_a_command_knows_what_the_one_before_it_learned(tmp_path: Path, token_file: Path) -> None:
    token = BallchasingSettings(token_file=token_file).read_token()

    def opened(url: str) -> Budget:
        return Budget.open(None, url, token, dict, data_dir=tmp_path)

    opened("https://one/api").polls.done("id", 5.0, learn=True)
    assert ReadyTimes.from_json(opened("https://one/api").polls.learned.read()).replays == 1
    assert ReadyTimes.from_json(opened("https://two/api").polls.learned.read()).replays == 0
    assert token.get_secret_value() not in str(list(tmp_path.rglob("*")))
