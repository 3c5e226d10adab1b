"""What every listener must do, as a suite that a sink's tests inherit.

Three lines check one::

    class TestMySink(SinkConformance):
        @pytest.fixture
        def sink(self):
            return MySink()

Override ``config`` for a sink that needs settings, and ``delivered`` to have what it sends checked.
The host survives a listener that raises, and logs it, but that event is lost to the listener: so
here a sink raises nothing, whatever its disk or its server does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from parsekit.config import load_config
from parsekit.events import (
    COMPLETE,
    FETCHING,
    STARTED,
    AnalyticsEvent,
    ProgressEvent,
    Status,
    WaitEvent,
)
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.model import Failure, JsonObject, Outcome, Timings

#: All calls of a listener for one task together may take no longer, seconds; the host waits no
#: longer for it.
LONGEST_CALL_S = 2.0
#: What a sink may use to send what it holds, seconds.
GRACE_S = 5.0

Delivered = Callable[[], list[JsonObject]]


class HostedSink:
    """A sink behind a host, as a driver calls it.

    Notes how long its slowest call took, and all of them together: what publishing has added.
    """

    def __init__(self, sink: object, config: JsonObject, folder: Path) -> None:
        self._host = Host()
        self._host.register(sink, "under-test")
        file = folder / "config-under-test.json"
        file.write_text(json.dumps(config))
        settings = load_config(file, plugin_sections=self._host.sections, environ={})
        data_dir = folder / "data"
        data_dir.mkdir(exist_ok=True)  # of a process before it, perhaps
        self.session = Session(config=settings, role="python", data_dir=data_dir)
        self.slowest_s = self.added_s = 0.0

    def call(self, hook: str, **given: Any) -> None:
        """Call one hook of the sink; what it raises comes through."""
        for _, function in self._host.listeners(hook):
            began = time.monotonic()
            function(**given)
            took = time.monotonic() - began
            self.slowest_s, self.added_s = max(self.slowest_s, took), self.added_s + took

    def open(self) -> None:
        """Begin."""
        self.call("parsekit_open", session=self.session)

    def task(self, outcome: Outcome, queue: str | None) -> list[JsonObject]:
        """Publish the life of one task; return the messages of it."""
        steps = [progress(outcome, *step, queue) for step in (STARTED, FETCHING)]
        end = progress(outcome, COMPLETE[0], "stored" if outcome.ok else "failed", queue, last=True)
        for event in (*steps, end):
            self.call("parsekit_progress", event=event)
        analytics = AnalyticsEvent(
            event_id=f"event-{outcome.task_id}",
            task_id=outcome.task_id,
            hash=outcome.hash,
            at_unix=time.time(),
            outcome=outcome,
        )
        self.call("parsekit_analytics", event=analytics)
        asked = [event.to_message() for event in (*steps, end)] if queue is not None else []
        return [*asked, analytics.to_message()]

    def step(self, outcome: Outcome, step: tuple[float, str], queue: str | None) -> JsonObject:
        """Publish one step; return its message."""
        event = progress(outcome, *step, queue)
        self.call("parsekit_progress", event=event)
        return event.to_message()

    def wait(self, outcome: Outcome, queue: str | None, after_s: float) -> None:
        """Publish that the task waits, and goes on here or elsewhere."""
        event = WaitEvent(
            task_id=outcome.task_id,
            replay=outcome.replay,
            at_unix=time.time(),
            after_s=after_s,
            reason="the parser is not ready",
            queue=queue,
        )
        self.call("parsekit_waits", event=event)

    def close(self, grace_s: float = GRACE_S) -> None:
        """End."""
        self.call("parsekit_close", grace_s=grace_s)


def progress(
    outcome: Outcome, value: float, message: str, queue: str | None, *, last: bool = False
) -> ProgressEvent:
    """One step of the task that ended so; the last one has the outcome."""
    final: Status = "Complete" if outcome.ok else "Error"
    return ProgressEvent(
        task_id=outcome.task_id,
        replay=outcome.replay,
        status=final if last else "Pending",
        value=value,
        message=message,
        queue=queue,
        outcome=outcome if last else None,
    )


def outcome_of(task_id: str, *, failure: Failure | None = None, data: Any = None) -> Outcome:
    """A plausible outcome of a task; callers can read its result unless ``data`` are odd."""
    return Outcome(
        replay=f"replays/{task_id}.replay",
        task_id=task_id,
        hash="5e" * 32,
        parser="ballchasing",
        parser_version="1.0",
        output_path=None if failure else f"parsed/{task_id}.json",
        data=None if failure else (data or believable_body()),
        failure=failure,
        timings=Timings(get_ms=12, parse_ms=345, total_ms=400),
        replay_bytes=1_500_000,
    )


def believable_body(title: str = "día 🚗") -> JsonObject:
    """A small answer of Ballchasing's API, with all that callers ask for."""
    return {
        "id": "5e5e5e5e-0000-4000-8000-000000000001",
        "link": "https://ballchasing.com/api/replays/5e5e5e5e-0000-4000-8000-000000000001",
        "title": title,
        "date": "2026-11-01T18:30:00Z",
        "date_has_timezone": True,
        "status": "ok",
        "created": "2026-11-01T19:00:00Z",
        "visibility": "public",
        "rocket_league_id": "5E5E5E5E4000800000000001",
        "season": 18,
        "match_guid": "5E5E5E5E4000800000000002",
        "uploader": {
            "name": "league",
            "avatar": "https://example.org/avatar.png",
            "steam_id": "1",
            "profile_url": "https://example.org/league",
        },
        "match_type": "Private",
        "playlist_id": "private",
        "playlist_name": "Private",
        "map_code": "stadium_p",
        "duration": 312,
        "overtime": False,
        "team_size": 1,
        "blue": _team("blue", goals=3),
        "orange": _team("orange", goals=1),
    }


def _team(color: str, goals: int) -> JsonObject:
    stats: JsonObject = {"core": {"goals": goals}, "boost": {}, "movement": {}, "positioning": {}}
    camera = dict.fromkeys(("fov", "pitch", "height", "distance", "stiffness"), 100.0)
    player = {
        "id": {"platform": "steam", "id": "1"},
        "name": f"ñ {color}",
        "start_time": 0,
        "end_time": 312.5,
        "steering_sensitivity": 1.5,
        "camera": {**camera, "swivel_speed": 5, "transition_speed": 1.2},
        "stats": {**stats, "demo": {"taken": 1, "inflicted": 0}},
    }
    return {"color": color, "players": [player], "stats": {**stats, "ball": {}}}


FAILURE = Failure(code="invalid_replay", message="the file ends at byte 12")

#: Queue names and texts that a careless sink trips over.
AWKWARD_QUEUES = ("", "x" * 300, "a\nb", "\0", "amq.forbidden", "ü" * 200, "\ud800")


class SinkConformance:
    """Inherit, and give a fixture ``sink`` with the plugin, an object or a module."""

    @pytest.fixture
    def config(self) -> JsonObject:
        """Override: the JSON configuration under which the sink listens."""
        return {}

    @pytest.fixture
    def delivered(self) -> Delivered | None:
        """Override: a function that answers the JSON objects that came out so far, in order."""
        return None

    @pytest.fixture
    def listener(self, sink: object, config: JsonObject, tmp_path: Path) -> HostedSink:
        """The sink, not open yet."""
        return HostedSink(sink, config, tmp_path)

    def test_a_life_of_events_raises_nothing_and_blocks_nobody(self, listener: HostedSink) -> None:
        listener.open()
        for number in range(20):
            began_s = listener.added_s
            listener.task(outcome_of(f"good-{number}"), "conformance")
            assert listener.added_s - began_s < LONGEST_CALL_S
            listener.task(outcome_of(f"bad-{number}", failure=FAILURE), "conformance")
            listener.task(outcome_of(f"quiet-{number}"), None)
        assert listener.slowest_s < LONGEST_CALL_S
        listener.close()
        assert listener.slowest_s < GRACE_S + LONGEST_CALL_S

    def test_a_task_may_wait_and_go_on(self, listener: HostedSink) -> None:
        listener.open()
        for queue in ("conformance", None):
            patient = outcome_of("patient")
            listener.step(patient, STARTED, queue)
            listener.wait(patient, queue, after_s=0.0)
            listener.task(patient, queue)
        listener.close()

    def test_odd_content_raises_nothing(self, listener: HostedSink) -> None:
        listener.open()
        for number, queue in enumerate(AWKWARD_QUEUES):
            listener.task(outcome_of(f"queue-{number}"), queue)
        for number, data in enumerate(({"a": "\ud800"}, {"b": float("nan")}, {"c": "x" * 10**6})):
            listener.task(outcome_of(f"data-{number}", data=data), "conformance")
        listener.close()
        assert listener.slowest_s < GRACE_S + LONGEST_CALL_S

    def test_a_data_folder_that_can_not_be_written_raises_nothing(
        self, listener: HostedSink
    ) -> None:
        listener.session.data_dir.rmdir()
        listener.session.data_dir.write_text("a file where a folder belongs")
        listener.open()
        listener.task(outcome_of("homeless"), "conformance")
        listener.close()
        assert listener.slowest_s < GRACE_S + LONGEST_CALL_S

    def test_threads_may_publish_at_once(self, listener: HostedSink) -> None:
        listener.open()
        outcomes = [outcome_of(f"thread-{number}") for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda outcome: listener.task(outcome, "conformance"), outcomes))
        listener.close()

    def test_opens_again_after_it_was_closed(self, listener: HostedSink) -> None:
        for _ in range(2):
            listener.open()
            listener.task(outcome_of("again"), "conformance")
            listener.close()

    def test_what_is_published_comes_out_as_the_contract_says(
        self, listener: HostedSink, delivered: Delivered | None
    ) -> None:
        if delivered is None:
            pytest.skip("the suite gives no fixture 'delivered'")
        listener.open()
        sent = listener.task(outcome_of("good"), "conformance")
        sent += listener.task(outcome_of("bad", failure=FAILURE), "conformance")
        listener.close()
        out = delivered()
        assert out, "nothing came out"
        for kind in ("progress", "pattern"):  # each kind of message keeps its order
            expected = [message for message in sent if kind in message]
            got = [message for message in out if kind in message]
            if got:
                pairs = zip(expected, got, strict=True)
                assert [_without_more(sent, came) for sent, came in pairs] == expected


def _without_more(expected: JsonObject, got: JsonObject) -> JsonObject:
    """What came, without the fields that a sink adds."""
    return {key: value for key, value in got.items() if key in expected}
