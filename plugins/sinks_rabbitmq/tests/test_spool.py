"""The files of the spool: order, crashes, damage, bounds."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.segment import Segment
from parsekit_sinks_rabbitmq.spool import Spool, SpoolFull


def event(name: str, body: bytes = b'{"a":1}') -> Message:
    return Message(
        kind="analytics", queue="q", body=body, message_id=name, created_unix=1.5, durable=True
    )


def names(segment: Segment, most: int = 100) -> list[str]:
    return [message.message_id for message, _ in segment.unsent("q", most).messages]


def test_messages_come_out_whole_and_in_order(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    told = [event("ü\t\n1"), event("2", b'{"t":"' + b"x" * 5000 + b'"}'), event("3")]
    for message in told:
        segment.append(message)
    assert [message for message, _ in segment.unsent("q", 10).messages] == told
    assert names(segment, 2) == ["ü\t\n1", "2"]


def test_the_mark_outlives_the_process(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    for name in "abc":
        segment.append(event(name))
    segment.mark_sent(segment.unsent("q", 1).end)
    segment.forget()  # as death does
    heir = Segment.adopt(tmp_path / "a.spool")
    assert heir is not None
    assert names(heir) == ["b", "c"]


def test_a_file_sent_whole_shrinks_and_goes_on(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    segment.mark_sent(segment.unsent("q", 1).end)
    assert (segment.unsent_bytes, segment.path.stat().st_size) == (0, 0)
    segment.append(event("b"))
    assert names(segment) == ["b"]
    segment.mark_sent(segment.unsent("q", 1).end)
    segment.close()
    assert not segment.path.exists()


@pytest.mark.parametrize(
    "damage", [b"no tabs\n", b'"x"\t1\t{"cut":', b"\xff\0\n", b'"x"\tno\t{}\n']
)
def test_damage_is_passed_over_and_counted(tmp_path: Path, damage: bytes) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    segment.forget()
    with segment.path.open("ab") as file:
        file.write(damage)
    heir = Segment.adopt(segment.path)
    assert heir is not None
    unsent = heir.unsent("q", 10)
    assert [message.message_id for message, _ in unsent.messages] == ["a"]
    assert unsent.damaged == 1
    heir.mark_sent(unsent.end)
    assert heir.unsent_bytes == 0


def test_a_hole_longer_than_a_chunk_is_passed_over(tmp_path: Path) -> None:
    """A machine that lost power may leave one."""
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    segment.forget()
    with segment.path.open("ab") as file:
        file.write(bytes(3 * 2**20) + b"\n")
    heir = Segment.adopt(segment.path)
    assert heir is not None
    heir.append(event("b"))
    found, damaged = [], 0
    for _ in range(10):
        unsent = heir.unsent("q", 10)
        found += [message.message_id for message, _ in unsent.messages]
        damaged += unsent.damaged
        heir.mark_sent(unsent.end)
    assert (found, heir.unsent_bytes) == (["a", "b"], 0)
    assert damaged


@pytest.mark.parametrize("mark", [b"", b"99999999999999999999\n", b"x" * 21, b"0" * 20 + b"\n"])
def test_a_damaged_mark_sends_too_much_rather_than_too_little(tmp_path: Path, mark: bytes) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    segment.forget()
    with segment.path.open("r+b") as file:
        file.write(mark)
    heir = Segment.adopt(segment.path)
    assert heir is not None
    assert names(heir) == ["a"]


def test_more_than_a_chunk_is_read_to_the_end(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    for number in range(40):
        segment.append(event(str(number), b'"' + b"x" * 60_000 + b'"'))
    found: list[str] = []
    while segment.unsent_bytes:
        unsent = segment.unsent("q", 100)
        assert unsent.damaged == 0
        found += [message.message_id for message, _ in unsent.messages]
        segment.mark_sent(unsent.end)
    assert found == [str(number) for number in range(40)]


def test_a_line_longer_than_a_chunk_is_refused(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    with pytest.raises(ValueError, match="the spool takes 1 MiB"):
        segment.append(event("a", b"x" * 2**20))
    assert segment.unsent_bytes == 0


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that is full at this size."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_refuses_whole_lines_and_hurts_none(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    with largest_file(100), pytest.raises(OSError, match=r"No space left|File too large"):
        segment.append(event("b", b"x" * 500))
    segment.append(event("c"))
    assert names(segment) == ["a", "c"]


def test_a_locked_file_is_not_adopted(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    assert Segment.adopt(segment.path) is None
    assert Segment.adopt(tmp_path / "absent.spool") is None


def test_a_file_that_was_replaced_meanwhile_is_left_alone(tmp_path: Path) -> None:
    segment = Segment.make(tmp_path / "a.spool")
    segment.append(event("a"))
    (tmp_path / "other").write_bytes(b"precious")
    os.replace(tmp_path / "other", segment.path)  # noqa: PTH105  (the point of the test)
    assert segment.replaced
    segment.mark_sent(segment.unsent("q", 1).end)
    segment.close()
    assert segment.path.read_bytes() == b"precious"


def filled(spool: Spool) -> int:
    """How many events it takes."""
    for number in range(1_000_000):
        try:
            spool.append(event(str(number), b"x" * 400))
        except SpoolFull:
            return number
    raise AssertionError("it is never full")


def test_a_full_spool_takes_again_what_was_sent_while_the_rest_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=100_000)
    count = filled(spool)
    assert 200 < count < 250
    sent = []
    while len(sent) < count // 2:
        segment = spool.first()
        assert segment is not None
        sent += names(segment)
        segment.mark_sent(segment.unsent("q", 100).end)
    assert sent == [str(number) for number in range(len(sent))]
    spool.first()
    assert 40_000 < spool.unsent_bytes < 60_000
    assert 90 < filled(spool) < 140
    spool.close()
    assert len({*tmp_path.joinpath("spool").iterdir()}) < 20


def test_the_ends_of_tasks_take_no_room_from_events(tmp_path: Path) -> None:
    spool, journal = Spool(tmp_path, max_bytes=1000), Journal(tmp_path)
    for name in "abc":
        journal.add(replace(event(name, b"x" * 1000), kind="progress"))
    for name in "def":
        spool.append(event(name))
    spool.close()
    journal.close()


def test_orphans_are_sent_before_our_own_oldest_first(tmp_path: Path) -> None:
    for name in ("1", "2"):
        orphan = Segment.make(tmp_path / f"{name}.spool")
        orphan.append(event(name))
        orphan.forget()
    spool = Spool(tmp_path)
    spool.append(event("own"))
    spool.adopt()
    found = []
    while (segment := spool.first()) is not None:
        found += names(segment)
        segment.mark_sent(segment.unsent("q", 10).end)
    assert found == ["1", "2", "own"]
    spool.close()
    assert list(tmp_path.iterdir()) == []
