"""What processes that died have left: taken over bit by bit, whatever state it is in."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from parsekit_sinks_rabbitmq.message import PROGRESS_EXPIRES_S, Message
from parsekit_sinks_rabbitmq.segment import Segment
from parsekit_sinks_rabbitmq.spool import ENDS, MOST_HELD, SPOOL, Orphans, Spool

from .test_spool import event, names


def leave(folder: Path, name: str, *messages: Message) -> Path:
    """A file of a process that died."""
    segment = Segment.make(folder / name)
    assert segment is not None
    for message in messages:
        segment.append(message)
    segment.forget()
    return segment.path


def end(name: str) -> Message:
    return replace(event(name), kind="progress", created_unix=time.time())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def sent(orphans: Orphans) -> list[str]:
    """Send everything."""
    found = []
    while (segment := orphans.first()) is not None:
        found += names(segment)
        segment.mark_sent(segment.unsent("q", 100).end)
        if orphans.wants_more:
            orphans.adopt()
    return found


def test_however_many_files_were_left_few_are_open_at_once(tmp_path: Path) -> None:
    for number in range(200):
        leave(tmp_path, f"{number:03}.spool", event(str(number)))
    before = open_files()
    orphans = Orphans(tmp_path, SPOOL)
    for _ in range(3):
        orphans.adopt()
    assert len(orphans) == MOST_HELD
    assert open_files() - before == MOST_HELD
    assert sent(orphans) == [str(number) for number in range(200)]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_not_be_read_keeps_none_from_being_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0.spool").mkdir()
    leave(tmp_path, "1.spool", event("a"))
    orphans = Orphans(tmp_path, SPOOL)
    with caplog.at_level(logging.WARNING):
        orphans.adopt()
        orphans.adopt()
    assert sent(orphans) == ["a"]
    assert [str(tmp_path / "0.spool") in text for text in caplog.messages] == [True]


def test_old_ends_leave_the_disk_though_nobody_sends_them_and_old_analytics_stay(
    tmp_path: Path,
) -> None:
    files = [
        leave(tmp_path, "old.ends", end("a"), end("b")),
        leave(tmp_path, "new.ends", end("c")),
        leave(tmp_path, "old.spool", event("d")),
    ]
    past = time.time() - PROGRESS_EXPIRES_S - 1
    for file in files:
        if file.stem == "old":
            os.utime(file, (past, past))
    ends, spool = Orphans(tmp_path, ENDS), Orphans(tmp_path, SPOOL)
    assert (ends.adopt(), spool.adopt()) == (2, 0)
    assert [file.exists() for file in files] == [False, True, True]
    assert (sent(ends), sent(spool)) == (["c"], ["d"])


@pytest.mark.parametrize("left", [0, 10, 60])
def test_a_file_that_was_cut_short_to_make_room_is_counted_and_goes_on(
    tmp_path: Path, left: int
) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    assert segment is not None
    for name in "abc":
        segment.append(event(name))
    os.truncate(segment.path, left)
    damaged, rounds = 0, 0
    while segment.unsent_bytes:
        unsent = segment.unsent("q", 100)
        damaged += unsent.damaged
        segment.mark_sent(unsent.end)
        rounds += 1
        assert rounds < 10
    assert damaged
    segment.append(event("d"))
    assert names(segment) == ["d"]


def test_what_is_written_behind_a_cut_is_read_whole(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    assert segment is not None
    segment.append(event("a"))
    os.truncate(segment.path, 0)
    segment.append(event("b"))
    assert names(segment) == ["b"]


def test_a_new_file_that_another_process_took_at_once_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making and locking it, it looks like one of a process that died."""
    flock, taken = Segment._locked, []

    def late(path: Path, descriptor: int) -> Segment:
        if not taken:
            taken.append(path)
            path.unlink()  # as the other does with a file that is empty
        return flock(path, descriptor)

    monkeypatch.setattr(Segment, "_locked", late)
    spool = Spool(tmp_path)
    spool.append(event("a"))
    assert [path for path in tmp_path.iterdir() if path not in taken]
    spool.close()
    assert sent_by_another(tmp_path) == ["a"]


def sent_by_another(folder: Path) -> list[str]:
    heir = Orphans(folder, SPOOL)
    heir.adopt()
    return sent(heir)
