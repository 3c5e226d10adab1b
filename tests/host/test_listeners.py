"""A listener that fails, hangs or is slow hurts nobody but itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from parsekit import hookimpl
from parsekit.config import Config
from parsekit.events import ProgressEvent
from parsekit.host import Host
from parsekit.host.listeners import Listeners
from parsekit.model import Outcome
from parsekit.session import Session


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


class Hanging:
    def __init__(self) -> None:
        self.free = threading.Event()

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        self.free.wait(30)


def step(message: str, *, final: bool = False) -> ProgressEvent:
    return ProgressEvent(
        task_id="t",
        replay="r",
        status="Complete" if final else "Pending",
        value=50,
        message=message,
        outcome=Outcome(replay="r", task_id="t") if final else None,
    )


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
        listeners.progress(step(str(number)))
    listeners.progress(step("end", final=True))
    assert recorder.heard == ["open", *map(str, range(100)), "end"]
    listeners.close(5)
    assert recorder.heard[-1] == "close"


def test_one_that_raises_is_named_and_the_others_hear(recorder: Recorder, caplog):
    listeners = listeners_of(Raising(), recorder)
    listeners.progress(step("a"))
    listeners.progress(step("b", final=True))
    assert recorder.heard == ["a", "b"]
    assert "listener listener0 failed in parsekit_progress" in caplog.text


def test_one_that_hangs_delays_the_end_once_and_the_others_hear(
    recorder: Recorder, caplog, monkeypatch
):
    monkeypatch.setattr("parsekit.host.listeners.FINAL_WAIT_S", 0.2)
    hanging = Hanging()
    listeners = listeners_of(hanging, recorder)
    for number in range(5):
        listeners.progress(step(str(number), final=True))
    assert recorder.heard == ["0", "1", "2", "3", "4"]
    assert caplog.text.count("did not return within") == 1
    hanging.free.set()


def test_one_that_hangs_loses_only_its_own_events(recorder: Recorder, caplog, monkeypatch):
    monkeypatch.setattr("parsekit.host.listeners.MAILBOX_SIZE", 10)
    hanging = Hanging()
    listeners = listeners_of(hanging)
    for number in range(50):
        listeners.progress(step(str(number)))
    assert caplog.text.count("hangs or is too slow") == 1
    hanging.free.set()
