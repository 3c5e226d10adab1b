from __future__ import annotations

from parsekit_sinks_rabbitmq.buffer import Buffer
from parsekit_sinks_rabbitmq.message import Message


def message(name: str, *, keep: bool = False, size: int = 1) -> Message:
    return Message(
        kind="progress", queue="q", body=b"x" * size, message_id=name, told_unix=0.0, keep=keep
    )


def names(messages: list[Message]) -> str:
    return "".join(message.message_id for message in messages)


def test_the_oldest_step_goes_first_and_ends_stay() -> None:
    buffer = Buffer(max_messages=3)
    gone = [buffer.add(message(name, keep=name in "BD")) for name in "aBcDe"]
    assert [names(lost) for lost in gone] == ["", "", "", "a", "c"]
    assert names(buffer.take(10)) == "BDe"


def test_when_only_ends_are_left_the_oldest_of_them_goes() -> None:
    buffer = Buffer(max_messages=2)
    for name in "ABC":
        gone = buffer.add(message(name, keep=True))
    assert names(gone) == "A"


def test_bytes_are_bounded_too() -> None:
    buffer = Buffer(max_bytes=100)
    buffer.add(message("a", size=60))
    assert names(buffer.add(message("b", size=60))) == "a"
    buffer.take(1)
    assert buffer.add(message("c", size=100)) == []


def test_what_is_given_back_stands_first_again() -> None:
    buffer = Buffer(max_messages=4)
    for name in "abcd":
        buffer.add(message(name))
    taken = buffer.take(2)
    buffer.add(message("e"))
    assert names(buffer.give_back(taken)) == "a"
    assert names(buffer.take(10)) == "bcde"
    assert len(buffer) == 0
