"""The parser against the sandbox, in fake time: what happens to a replay, and when."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from parsekit import Parsed
from parsekit.errors import (
    ParserFailed,
    RateLimited,
    RemoteRejected,
    RemoteTimeout,
    RemoteUnavailable,
    Unauthorized,
)
from parsekit_ballchasing.simulator import Simulator
from parsekit_ballchasing.simulator.faults import Fault, FaultKind
from parsekit_ballchasing.simulator.site import SiteReplay

from .conftest import calls, statuses

Make = Callable[..., Any]
DAY_S = 86400.0


def since_start(times: Any) -> Any:
    return [round(at - times[0], 1) for at in times]


class TestOneReplay:
    def test_is_uploaded_once_and_its_statistics_come_back(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        task = drive()
        parsed = task.run()
        assert parsed.data["status"] == "ok"
        assert parsed.data["blue"]["players"]
        assert statuses(sandbox, "upload") == [201]

    def test_tells_the_progress_that_callers_know(self, drive: Make) -> None:
        task = drive()
        task.run()
        texts = [text for _, text in task.told]
        assert texts[0] == "Uploading replay to Ballchasing"
        assert set(texts[1:]) == {"Getting stats from Ballchasing"}
        values = [value for value, _ in task.told]
        assert values == sorted(values)
        assert 20 <= values[0] <= values[-1] <= 90

    def test_is_uploaded_with_the_configured_visibility(
        self, drive: Make, make_parser: Make, sandbox: Simulator
    ) -> None:
        drive(parser=make_parser(visibility="unlisted")).run()
        (replay,) = sandbox.site.replays.values()
        assert replay.visibility == "unlisted"

    def test_arrives_byte_for_byte(
        self, drive: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        replay = make_replay(size_bytes=700_000)
        drive(replay).run()
        assert next(iter(sandbox.site.replays.values())).content == replay.path.read_bytes()

    def test_never_sleeps_longer_than_two_seconds_in_its_slot(
        self, drive: Make, sandbox: Simulator, clock: Any
    ) -> None:
        sandbox.site.configure({"pending_s": [100, 100]})
        task = drive()
        slept = len(clock.slept)
        while not isinstance(task.step(), Parsed):
            assert sum(clock.slept[slept:]) <= 2.0
            clock.sleep(task.waits[-1].after_s)
            slept = len(clock.slept)

    def test_that_fails_to_parse_is_rejected_for_good(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        sandbox.site.configure({"failing": 1.0})
        with pytest.raises(RemoteRejected, match="could not parse"):
            drive().run()
        assert statuses(sandbox, "upload") == [201]

    def test_that_the_api_refuses_is_rejected_with_its_words(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        sandbox.faults.scripted = [Fault(kind="400", endpoint="upload")]
        with pytest.raises(RemoteRejected, match=r"not a \.replay file"):
            drive().run()
        assert statuses(sandbox, "upload") == [400]

    def test_that_never_leaves_pending_ends_at_the_deadline(
        self, drive: Make, make_parser: Make, sandbox: Simulator
    ) -> None:
        sandbox.site.configure({"pending_s": [1e9, 1e9]})
        with pytest.raises(RemoteTimeout, match="pending after"):
            drive(parser=make_parser(deadline=300)).run()
        looks = calls(sandbox, "replay")
        assert 299 <= looks[-1] - calls(sandbox, "upload")[0] <= 302

    def test_with_an_old_ticket_is_looked_at_before_it_is_given_up(
        self, drive: Make, sandbox: Simulator, clock: Any
    ) -> None:
        task = drive()
        task.step()
        clock.sleep(10 * DAY_S)
        assert isinstance(task.step(), Parsed)

    def test_with_a_broken_ticket_starts_anew(self, drive: Make) -> None:
        task = drive(ticket={"id": "../../admin", "since": "yesterday"}, needs_replay=False)
        assert task.run().data["status"] == "ok"

    def test_whose_body_is_about_another_is_not_stored(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        task = drive()
        task.step()
        (replay,) = sandbox.site.replays.values()
        other: SiteReplay = sandbox.site.add("t", b"x" * 200, visibility="public", group=None)
        sandbox.site.replays[replay.id] = other
        with pytest.raises(ParserFailed, match="another replay"):
            task.run()


class TestDuplicate:
    def test_of_a_parsed_replay_is_answered_at_once(
        self, drive: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        drive().run()
        again = drive(make_replay())
        assert isinstance(again.step(), Parsed)
        assert statuses(sandbox, "upload") == [201, 409]

    def test_takes_nothing_from_the_quota(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        drive().run()
        parser = make_parser()
        drive(parser=parser).run()
        assert parser._budget.store.uploads(DAY_S) == []

    def test_hidden_by_its_uploader_is_rejected(
        self, drive: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        content = make_replay().path.read_bytes()
        sandbox.site.add("somebody", content, visibility="private", group=None)
        with pytest.raises(RemoteRejected, match="hides it"):
            drive().run()

    def test_whose_first_answer_was_lost_is_our_own_upload(
        self, drive: Make, make_parser: Make, sandbox: Simulator
    ) -> None:
        sandbox.faults.scripted = [Fault(kind="reset", endpoint="upload", after=True)]
        parser = make_parser()
        task = drive(parser=parser)
        assert task.run().data["status"] == "ok"
        assert statuses(sandbox, "upload") == [201, 409]
        assert list(sandbox.site.counts.accepted_uploads.values()) == [1]
        assert len(parser._budget.store.uploads(DAY_S)) == 1

    def test_deleted_on_the_site_is_uploaded_once_more(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        task = drive()
        task.step()
        sandbox.site.replays.clear()
        assert task.run().data["status"] == "ok"
        assert statuses(sandbox, "upload") == [201, 201]


class TestKilledWorker:
    def test_has_its_upload_kept_before_anything_else_can_fail(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        drive().run()
        sandbox.faults.scripted = [Fault(kind="500", endpoint="replay") for _ in range(2)]
        drive().run()
        assert statuses(sandbox, "upload") == [201, 409]

    def test_goes_on_elsewhere_from_the_checkpoint(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        replay = make_replay()
        killed = drive(replay)
        killed.step()
        successor = drive(replay, make_parser(), ticket=killed.ticket, needs_replay=False)
        successor.run()
        assert statuses(sandbox, "upload") == [201]

    def test_before_the_checkpoint_lands_on_the_duplicate(
        self, drive: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        replay = make_replay()
        drive(replay).step()
        drive(replay).run()
        assert list(sandbox.site.counts.accepted_uploads.values()) == [1]


class TestSchedule:
    @pytest.mark.parametrize("kind", ["500", "502-html", "429", "reset", "truncated-json"])
    def test_of_the_seed_is_kept_by_a_failing_upload(
        self, drive: Make, sandbox: Simulator, kind: str
    ) -> None:
        sandbox.faults.scripted = [
            Fault(kind=cast("FaultKind", kind), endpoint="upload") for _ in range(9)
        ]
        with pytest.raises((RemoteUnavailable, RateLimited)):
            drive().run()
        assert since_start(calls(sandbox, "upload")) == [0, 4, 20, 84]

    def test_of_the_seed_is_kept_by_failing_looks(self, drive: Make, sandbox: Simulator) -> None:
        sandbox.faults.scripted = [Fault(kind="500", endpoint="replay") for _ in range(9)]
        with pytest.raises(RemoteUnavailable, match="500"):
            drive().run()
        assert since_start(calls(sandbox, "replay")) == [0, 4, 20, 84]
        assert statuses(sandbox, "upload") == [201]

    @pytest.mark.parametrize("kind", ["429-seconds", "429-date", "503-seconds"])
    def test_yields_to_what_the_api_announces(
        self, drive: Make, sandbox: Simulator, kind: str
    ) -> None:
        sandbox.faults.scripted = [
            Fault(kind=cast("FaultKind", kind), endpoint="upload", seconds=37)
        ]
        drive().run()
        first, second = calls(sandbox, "upload")
        assert 37 <= second - first <= 39
        assert sandbox.site.counts.early_calls == 0

    def test_does_not_wait_beyond_the_deadline_for_what_is_announced(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        sandbox.faults.scripted = [Fault(kind="429-seconds", endpoint="replay", seconds=5000)]
        with pytest.raises(RateLimited, match="after this task's deadline") as caught:
            drive().run()
        assert not caught.value.retryable

    def test_is_not_counted_while_the_api_answers_others(
        self, drive: Make, sandbox: Simulator
    ) -> None:
        """An API that fails now and then loses nobody: more than four tries while it is alive."""
        drive().run()
        unlucky = drive(drive().replay, drive().parser)
        unlucky.parser._budget.store.settle("upload", "other", took_s=0.1, ok=True)
        sandbox.faults.scripted = [Fault(kind="500", endpoint="upload") for _ in range(5)]
        assert unlucky.run().data["status"] == "ok"

    def test_announced_to_one_task_holds_for_all(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        parser = make_parser()
        sandbox.faults.scripted = [Fault(kind="429-seconds", endpoint="upload", seconds=60)]
        with pytest.raises(RateLimited):
            drive(parser=parser).step()
        other = drive(make_replay("b"), parser)
        waiting = other.step()
        assert waiting.after_s == pytest.approx(60, abs=1)
        assert len(calls(sandbox, "upload")) == 1


class TestWrongToken:
    def test_fails_at_once_and_stops_everybody(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        sandbox.site.configure({"token": "another"})
        parser = make_parser()
        with pytest.raises(Unauthorized, match="token_file"):
            drive(parser=parser).run()
        for name in "bcd":
            with pytest.raises(Unauthorized, match="refused the token"):
                drive(make_replay(name), parser).run()
        assert statuses(sandbox, "upload") == [401]

    def test_that_is_corrected_is_noticed(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator, clock: Any
    ) -> None:
        sandbox.site.configure({"token": "another"})
        parser = make_parser()
        with pytest.raises(Unauthorized):
            drive(parser=parser).run()
        sandbox.site.configure({"token": None})
        clock.sleep(61)
        assert drive(make_replay("b"), parser).run().data["status"] == "ok"

    def test_is_in_no_log_and_no_error(
        self, drive: Make, sandbox: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        sandbox.site.configure({"token": "another"})
        with pytest.raises(Unauthorized) as caught:
            drive().run()
        error: BaseException | None = caught.value
        while error is not None:
            assert "test-token" not in repr(error) + str(error)
            error = error.__cause__ or error.__context__
        assert "test-token" not in caplog.text

    def test_group_token_uploads_though_its_ping_is_refused(
        self, drive: Make, make_parser: Make, token_file: Path, sandbox: Simulator
    ) -> None:
        token_file.write_text("g/a-groups-token")
        assert drive(parser=make_parser()).run().data["status"] == "ok"
        assert calls(sandbox, "ping") == []


class TestDeadApi:
    def test_is_left_alone_after_eight_failures_of_all_tasks(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator
    ) -> None:
        sandbox.faults.rate, sandbox.faults.kinds = 1.0, ("500",)
        parser = make_parser()
        for name in "abcdefgh":
            with pytest.raises(RemoteUnavailable):
                drive(make_replay(name), parser).step()
        with pytest.raises(RemoteUnavailable, match="in a row"):
            drive(make_replay("i"), parser).step()
        assert len(calls(sandbox, "upload")) == 8

    def test_is_tried_by_one_task_and_then_by_all(
        self, drive: Make, make_parser: Make, make_replay: Make, sandbox: Simulator, clock: Any
    ) -> None:
        sandbox.faults.rate, sandbox.faults.kinds = 1.0, ("500",)
        parser = make_parser()
        for name in "abcdefgh":
            with pytest.raises(RemoteUnavailable):
                drive(make_replay(name), parser).step()
        sandbox.faults.rate = 0.0
        clock.sleep(31)
        for name in "ij":
            assert drive(make_replay(name), parser).run().data["status"] == "ok"
