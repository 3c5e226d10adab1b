"""Which files are taken, and when: whole ones at once, others when nobody writes them any more."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest
import watchfiles

from parsekit.testing import believable_match, write_replay
from parsekit.watch.arrivals import SETTLE_S, Arrival, Arrivals, looks
from parsekit.watch.record import DoneReplay, WatchRecord


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "demos"
    made.mkdir()
    return made


@pytest.fixture
def record(tmp_path: Path) -> Iterator[WatchRecord]:
    with WatchRecord.open(tmp_path / "data", ["demos"]) as opened:
        yield opened


@pytest.fixture
def arrivals(folder: Path, record: WatchRecord, clock: Clock) -> Arrivals:
    return Arrivals([str(folder)], record, max_bytes=2**20, clock=clock)


def replay(path: Path, seed: int = 1) -> Path:
    return write_replay(path, believable_match(seed=seed), frames=0)


def paths(found: Iterator[Arrival] | Sequence[Arrival]) -> list[str]:
    return [Path(each.path).name for each in found]


def done(arrival: Arrival) -> DoneReplay:
    return DoneReplay(
        path=arrival.path,
        sha256=arrival.sha256,
        state=arrival.state,
        played_unix=0.0,
        session="",
    )


def test_the_oldest_file_comes_first_whatever_its_name(arrivals: Arrivals, folder: Path) -> None:
    for name, age in (("a", 10), ("b", 30), ("c", 20)):
        os.utime(replay(folder / f"{name}.replay", seed=age), (1e9 - age, 1e9 - age))
    assert paths(arrivals.scan()) == ["b.replay", "c.replay", "a.replay"]


def test_what_was_begun_does_not_come_again_nor_does_its_copy(
    arrivals: Arrivals, folder: Path
) -> None:
    replay(folder / "a.replay")
    assert paths(arrivals.scan()) == ["a.replay"]
    replay(folder / "copy.replay")
    assert paths(arrivals.scan()) == []


def test_a_file_that_never_becomes_whole_is_taken_when_it_has_not_changed_for_a_while(
    arrivals: Arrivals, folder: Path, clock: Clock
) -> None:
    content = replay(folder / "whole.replay").read_bytes()
    (folder / "whole.replay").unlink()
    growing = folder / "growing.replay"
    for end in (10, 400, 500):
        growing.write_bytes(content[:end])
        assert paths(arrivals.scan()) == []
        assert arrivals.is_waiting
        clock.now_s += SETTLE_S - 1
    assert paths(arrivals.scan()) == []
    clock.now_s += 1
    assert paths(arrivals.scan()) == ["growing.replay"]
    assert not arrivals.is_waiting


def test_a_file_that_was_cut_and_then_became_whole_comes_again(
    arrivals: Arrivals, record: WatchRecord, folder: Path, clock: Clock
) -> None:
    content = replay(folder / "a.replay").read_bytes()
    (folder / "a.replay").write_bytes(content[:300])
    assert paths(arrivals.scan()) == []
    clock.now_s += SETTLE_S
    [cut] = arrivals.scan()
    record.add(done(cut))
    (folder / "a.replay").write_bytes(content)
    assert paths(arrivals.scan()) == ["a.replay"]


def test_what_failed_for_no_fault_of_its_own_comes_again_later_each_time(
    arrivals: Arrivals, folder: Path, clock: Clock
) -> None:
    replay(folder / "a.replay")
    for wait_s in (60, 120, 240):
        [arrival] = arrivals.scan()
        arrivals.try_later(arrival)
        clock.now_s += wait_s - 1
        assert paths(arrivals.scan()) == []
        clock.now_s += 1


def test_pipes_and_other_files_are_left_alone(arrivals: Arrivals, folder: Path) -> None:
    os.mkfifo(folder / "pipe.replay")
    (folder / "notes.txt").write_text("no replay")
    (folder / "gone.replay").symlink_to(folder / "nowhere")
    assert paths(arrivals.scan()) == []


def test_a_change_is_noticed_without_a_wait(arrivals: Arrivals, folder: Path) -> None:
    stop = Event()
    for number, _ in enumerate(looks([str(folder)], arrivals, stop)):
        found = paths(arrivals.scan())
        if number == 1:  # changes are reported from here on
            replay(folder / "a.replay")
        if found:
            stop.set()
    assert found == ["a.replay"]


def test_where_the_system_reports_no_changes_the_folders_are_looked_through(
    arrivals: Arrivals,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def denied(*_paths: str, **_options: object) -> Iterator[set[object]]:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", denied)
    stop = Event()
    for number, _ in enumerate(looks([str(folder)], arrivals, stop)):
        if number == 0:
            replay(folder / "a.replay")
        elif paths(arrivals.scan()) == ["a.replay"]:
            stop.set()
    assert "no changes are reported here" in caplog.text
