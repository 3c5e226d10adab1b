"""Who asks the storage, and what counts as its silence."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.deployment import poll
from parsekit.worker.monitoring import probes
from parsekit.worker.monitoring.probes import StorageWatch, storage_silence

#: Asks often, and says so.
OTHER = """
import sys, time
from pathlib import Path
from parsekit.worker.monitoring import probes
from parsekit.worker.monitoring.probes import StorageWatch

probes.ASK_SECONDS = 0.3
StorageWatch(Path(sys.argv[1]), lambda: print("asked", flush=True), lambda: 0.0).start()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "ASK_SECONDS", 0.02)


def away() -> None:
    raise OSError("no route\nto it")


def never() -> float:
    """No task was served."""
    return 0.0


def test_the_newest_answer_counts(tmp_path: Path) -> None:
    assert storage_silence(tmp_path)
    answers = [away]
    watch = StorageWatch(tmp_path, lambda: [answer() for answer in answers], never)
    watch.start()
    poll(lambda: storage_silence(tmp_path) == "no route to it", seconds=10)
    answers.clear()
    poll(lambda: storage_silence(tmp_path) == "", seconds=10)
    watch.stop()


def test_one_that_hangs_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "OVERDUE_SECONDS", 0.5)
    hangs, goes_on = threading.Event(), threading.Event()

    def ask() -> None:
        if hangs.is_set():
            goes_on.wait(60)

    watch = StorageWatch(tmp_path, ask, never)
    watch.start()
    poll(lambda: storage_silence(tmp_path) == "", seconds=10)
    hangs.set()
    poll(lambda: "has not answered for" in storage_silence(tmp_path), seconds=10)
    goes_on.set()
    watch.stop()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process of the same worker, whose turn it is."""
    line = [sys.executable, "-c", OTHER, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        poll(lambda: storage_silence(tmp_path) == "")
        yield process
        process.kill()


def test_one_asks_at_a_time_and_another_once_it_is_dead(
    tmp_path: Path, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "ASK_SECONDS", 5.0)
    asked = threading.Event()
    watch = StorageWatch(tmp_path, asked.set, never)
    watch.start()
    assert not asked.wait(0.5)
    other.kill()
    assert asked.wait(60)
    watch.stop()


def test_a_storage_that_serves_tasks_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "ASK_SECONDS", 2.0)
    asked = threading.Event()
    watch = StorageWatch(tmp_path, asked.set, time.time)
    watch.start()
    poll(lambda: storage_silence(tmp_path) == "")
    watch.stop()
    assert not asked.is_set()


def test_a_storage_that_is_closed_as_the_process_ends_is_not_away(tmp_path: Path) -> None:
    asking, closed = threading.Event(), threading.Event()

    def ask() -> None:
        asking.set()
        if closed.wait(10):
            away()

    watch = StorageWatch(tmp_path, ask, never)
    watch.start()
    asking.wait(10)
    threading.Timer(0.2, closed.set).start()
    watch.stop()
    assert storage_silence(tmp_path) == "it has not answered yet"
