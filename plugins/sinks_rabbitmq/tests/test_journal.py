"""The ends of tasks on the disk: what is left there is what was not sent, and nothing else."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from parsekit_sinks_rabbitmq import journal, message
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.spool import ENDS, Orphans


def end(name: str, body: bytes = b"{}") -> Message:
    return Message(
        kind="progress",
        queue=f"queue-of-{name}",
        body=body,
        message_id=name,
        created_unix=time.time(),
        durable=True,
    )


def left(folder: Path) -> list[Message]:
    """What a process that starts now would send for one that is gone."""
    orphans = Orphans(folder, ENDS)
    orphans.adopt()
    found: list[Message] = []
    while (segment := orphans.first()) is not None:
        unsent = segment.unsent("analytics", 1000)
        found += [message for message, _ in unsent.messages]
        segment.mark_sent(unsent.end)
    orphans.close()
    return found


def names(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def test_what_was_not_sent_is_left_whole_with_its_queue(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    told = [end(name, body=b'{"a": "\\t"}') for name in ("a", "b\t\n", "c")]
    for each in told:
        kept.add(each)
    kept.settled([told[0]])
    kept.close()
    assert left(tmp_path) == told[1:]


def test_ends_that_are_settled_out_of_order_leave_at_most_a_repeat(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    told = [end(name) for name in "abcd"]
    for each in told:
        kept.add(each)
    kept.settled([told[1], told[2]])
    assert [kept.holds(each) for each in told] == [True, False, False, True]
    kept.close()
    assert names(left(tmp_path)) == ["a", "b", "c", "d"]


def test_nothing_is_left_when_all_was_sent(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    for _ in range(3):
        told = [end(name) for name in "abc"]
        for each in told:
            kept.add(each)
        kept.settled(told)
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_pages_go_once_they_are_sent_though_something_always_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAGE_BYTES", 1000)
    kept = Journal(tmp_path)
    waiting = [end(f"first-{n}", b"x" * 100) for n in range(5)]
    for each in waiting:
        kept.add(each)
    for number in range(200):
        waiting.append(end(str(number), b"x" * 100))
        kept.add(waiting[-1])
        kept.settled([waiting.pop(0)])
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5000
    kept.close()
    assert names(left(tmp_path)) == names(waiting)


def test_what_finds_no_room_waits_in_memory_alone(tmp_path: Path) -> None:
    kept = Journal(tmp_path, max_bytes=500)
    told = [end(str(n), b"x" * 100) for n in range(20)]
    for each in told:
        kept.add(each)
    held = [each for each in told if kept.holds(each)]
    assert 0 < len(held) < 5
    kept.settled(held)
    kept.add(replace(told[-1], message_id="again"))
    kept.close()
    assert names(left(tmp_path)) == ["again"]


def test_a_disk_that_refuses_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("in the way")
    kept = Journal(tmp_path / "spool")
    for name in "abc":
        kept.add(end(name))
    assert len(caplog.records) == 1
    kept.settled([end("a")])
    kept.close()


def test_an_end_that_nobody_waits_for_any_more_is_known_as_such() -> None:
    fresh = end("a")
    assert not fresh.expired
    assert replace(fresh, created_unix=time.time() - message.PROGRESS_EXPIRES_S - 1).expired
    assert not replace(fresh, kind="analytics", created_unix=0.0).expired


def test_an_end_that_is_told_twice_hides_no_other(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    twice, other, last = end("twice"), end("other"), end("last")
    for each in (twice, other, twice, last):
        kept.add(each)
    kept.settled([last])
    kept.close()
    assert {"twice", "other"} <= set(names(left(tmp_path)))


def test_an_end_that_is_told_again_on_a_later_page_is_settled_on_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAGE_BYTES", 1)
    kept = Journal(tmp_path)
    kept.add(end("a"))
    kept.add(end("a"))
    kept.settled([end("a")])
    kept.close()
    assert not left(tmp_path)
