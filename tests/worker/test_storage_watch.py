"""Who asks the storage, and what counts as its silence."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.deployment import poll
from parsekit.worker.monitoring import storage_watch
from parsekit.worker.monitoring.storage_watch import StorageWatch, storage_silence

#: Takes its turn, and says so.
OTHER = """
import sys, time
from pathlib import Path
from parsekit.worker.monitoring.storage_watch import StorageWatch

StorageWatch(Path(sys.argv[1]), lambda: print("asked", flush=True)).start()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_watch, "ASK_SECONDS", 0.02)


def away() -> None:
    raise OSError("no route\nto it")


def test_the_newest_answer_counts(tmp_path: Path) -> None:
    assert storage_silence(tmp_path)
    answers = [away]
    watch = StorageWatch(tmp_path, lambda: [answer() for answer in answers])
    watch.start()
    poll(lambda: storage_silence(tmp_path) == "no route to it", seconds=10)
    answers.clear()
    poll(lambda: storage_silence(tmp_path) == "", seconds=10)
    watch.stop()


def test_one_that_hangs_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_watch, "OVERDUE_SECONDS", 0.5)
    hangs, goes_on = threading.Event(), threading.Event()

    def ask() -> None:
        if hangs.is_set():
            goes_on.wait(60)

    watch = StorageWatch(tmp_path, ask)
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
        yield process
        process.kill()


def test_one_asks_at_a_time_and_another_once_it_is_dead(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    asked = threading.Event()
    watch = StorageWatch(tmp_path, asked.set)
    watch.start()
    assert not asked.wait(0.5)
    other.kill()
    assert asked.wait(10)
    watch.stop()


def test_a_storage_that_is_closed_as_the_process_ends_is_not_away(tmp_path: Path) -> None:
    asking, closed = threading.Event(), threading.Event()

    def ask() -> None:
        asking.set()
        if closed.wait(10):
            away()

    watch = StorageWatch(tmp_path, ask)
    watch.start()
    asking.wait(10)
    threading.Timer(0.2, closed.set).start()
    watch.stop()
    assert storage_silence(tmp_path) == "it has not answered yet"
