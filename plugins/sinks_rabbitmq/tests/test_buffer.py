from __future__ import annotations

from parsekit_sinks_rabbitmq.buffer import Buffer
from parsekit_sinks_rabbitmq.message import Message


def message(name: str, *, durable: bool = False, size: int = 1) -> Message:
    return Message(
        kind="progress",
        queue="q",
        body=b"x" * size,
        message_id=name,
        created_unix=0.0,
        durable=durable,
    )


def names(messages: list[Message]) -> str:
    return "".join(message.message_id for message in messages)


def test_the_oldest_step_goes_first_and_ends_stay() -> None:
    buffer = Buffer(max_messages=3)
    gone = [buffer.add(message(name, durable=name in "BD")) for name in "aBcDe"]
    assert [names(lost) for lost in gone] == ["", "", "", "a", "c"]
    assert names(buffer.take(10)) == "BDe"


def test_ends_go_for_want_of_bytes_only_and_the_oldest_first() -> None:
    buffer = Buffer(max_messages=2, max_bytes=100)
    for name in "ABCDE":
        assert buffer.add(message(name, durable=True, size=20)) == []
    assert names(buffer.add(message("f"))) == "f"
    assert names(buffer.add(message("G", durable=True, size=20))) == "A"
    assert buffer.holds_durable
    assert names(buffer.take(5)) == "BCDEG"
    assert not buffer.holds_durable


def test_bytes_are_bounded_too() -> None:
    buffer = Buffer(max_bytes=100)
    buffer.add(message("a", size=60))
    assert names(buffer.add(message("b", size=60))) == "a"
    buffer.take(1)
    assert buffer.add(message("c", size=100)) == []


def test_what_is_put_back_stands_first_again() -> None:
    buffer = Buffer(max_messages=4)
    for name in "abcd":
        buffer.add(message(name))
    taken = buffer.take(2)
    buffer.add(message("e"))
    assert names(buffer.put_back(taken)) == "a"
    assert names(buffer.take(10)) == "bcde"
    assert len(buffer) == 0
