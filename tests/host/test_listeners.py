"""A listener that fails, hangs or is slow hurts nobody but itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parsekit import hookimpl
from parsekit.api import open_pipeline, open_session
from parsekit.config import Config
from parsekit.events import ProgressEvent
from parsekit.host.dispatcher import SLOW_CALL_S
from parsekit.host.host import Host
from parsekit.host.listeners import Listeners
from parsekit.host.session import Session
from parsekit.model import Outcome


class Recorder:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        self.heard.append("open")

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        self.heard.append(event.message)

    @hookimpl
    def parsekit_close(self, grace_s: float) -> None:
        self.heard.append("close")


class Raising:
    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        raise RuntimeError("no")


class Exiting:
    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        raise SystemExit


class Slow:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        time.sleep(0.1)
        self.heard.append(event.message)

    @hookimpl
    def parsekit_close(self, grace_s: float) -> None:
        del grace_s


class Hanging:
    def __init__(self) -> None:
        self.called, self.free = threading.Event(), threading.Event()
        self.heard: list[str] = []

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        self.called.set()
        self.free.wait(30)
        self.heard.append(event.message)


def step(message: str, *, final: bool = False) -> ProgressEvent:
    return ProgressEvent(
        task_id="t",
        replay="r",
        status="Complete" if final else "Pending",
        value=50,
        message=message,
        outcome=Outcome(replay="r", task_id="t") if final else None,
    )


def wait_for(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def listeners_of(*plugins: object) -> Listeners:
    host = Host.load({"PARSEKIT_PLUGINS": ""})
    for number, plugin in enumerate(plugins):
        host.register(plugin, f"listener{number}")
    return Listeners(host)


def test_events_come_in_order_and_the_last_is_waited_for(recorder: Recorder, tmp_path: Path):
    listeners = listeners_of(recorder)
    listeners.open(Session(config=Config(), role="python", data_dir=tmp_path))
    for number in range(100):
        listeners.publish(step(str(number)))
    listeners.deliver(step("end", final=True))
    assert recorder.heard == ["open", *map(str, range(100)), "end"]
    listeners.close(5)
    assert recorder.heard[-1] == "close"


def test_its_data_folder_is_there_when_it_opens(tmp_path: Path):
    found: list[bool] = []

    class Opening:
        @hookimpl
        def parsekit_open(self, session: Session) -> None:
            found.append(session.data_dir.is_dir())

    host = Host.load({"PARSEKIT_PLUGINS": ""})
    host.register(Opening(), "opening")
    memory = tmp_path / "memory.json"
    memory.write_text('{"folder": {"path": "memory://of-listeners"}}')
    session = open_session(memory, host=host, data_dir=tmp_path / "data" / "parsekit")
    with open_pipeline(session, host):
        pass
    assert found == [True]


def test_one_that_raises_is_named_and_the_others_hear(recorder: Recorder, caplog):
    listeners = listeners_of(Raising(), recorder)
    listeners.publish(step("a"))
    listeners.deliver(step("b", final=True))
    assert recorder.heard == ["a", "b"]
    assert "listener listener0 failed in parsekit_progress" in caplog.text


def test_one_that_hangs_delays_the_end_once_and_the_others_hear(
    recorder: Recorder, caplog, monkeypatch
):
    monkeypatch.setattr("parsekit.host.listeners.FINAL_WAIT_S", 0.2)
    hanging = Hanging()
    listeners = listeners_of(hanging, recorder)
    for number in range(5):
        listeners.deliver(step(str(number), final=True))
    assert recorder.heard == ["0", "1", "2", "3", "4"]
    assert caplog.text.count("did not return within") == 1
    hanging.free.set()


def test_one_that_hangs_loses_only_its_own_events(recorder: Recorder, caplog, monkeypatch):
    monkeypatch.setattr("parsekit.host.dispatcher.MAILBOX_SIZE", 10)
    hanging = Hanging()
    listeners = listeners_of(hanging, recorder)
    for number in range(50):
        listeners.publish(step(str(number)))
    listeners.deliver(step("end", final=True))
    assert recorder.heard == [*map(str, range(50)), "end"]
    assert (listeners.lost["listener0"], listeners.lost["listener1"]) == (40, 0)
    assert caplog.text.count("hangs or is too slow") == 1
    hanging.free.set()


def test_one_that_hangs_is_relieved_without_anybody_waiting(recorder: Recorder):
    hanging = Hanging()
    listeners = listeners_of(hanging, recorder)
    listeners.publish(step("a"))
    while not hanging.called.wait(5):
        pytest.fail("the listener was not called")
    time.sleep(SLOW_CALL_S)
    listeners.publish(step("b"))
    wait_for(lambda: recorder.heard == ["a", "b"])
    hanging.free.set()


def test_one_that_comes_back_has_lost_nothing_and_is_waited_for_again(monkeypatch):
    monkeypatch.setattr("parsekit.host.listeners.FINAL_WAIT_S", 0.3)
    hanging = Hanging()
    listeners = listeners_of(hanging)
    for number in range(3):
        listeners.deliver(step(str(number), final=True))
    hanging.free.set()
    wait_for(lambda: len(hanging.heard) == 3)
    listeners.deliver(step("3", final=True))
    assert hanging.heard == ["0", "1", "2", "3"]


def test_one_that_is_slow_keeps_its_order_and_delays_only_itself(recorder: Recorder):
    slow = Slow()
    listeners = listeners_of(slow, recorder)
    for number in range(40):
        listeners.publish(step(str(number)))
    wait_for(lambda: len(recorder.heard) == 40)
    assert len(slow.heard) < 20
    listeners.close(30)
    assert slow.heard == [*map(str, range(40))]
    assert recorder.heard == [*slow.heard, "close"]


def test_one_that_ends_its_thread_ends_nobody_elses(recorder: Recorder, caplog):
    listeners = listeners_of(Exiting(), recorder)
    listeners.publish(step("a"))
    listeners.deliver(step("b", final=True))
    assert recorder.heard == ["a", "b"]
    assert "listener listener0 failed" in caplog.text
