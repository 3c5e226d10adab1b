"""Lines that a thread of their own writes: in order, without waiting, and none forgotten."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from parsekit.logs import batching
from parsekit.logs.batching import BatchingHandler
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.record import LineFormatter, facts
from parsekit.logs.text_lines import TextLines


def record(text: str, level: int = logging.INFO, **known: object) -> logging.LogRecord:
    made = logging.LogRecord("x", level, "", 0, text, None, None)
    vars(made).update(facts(**known))
    return made


def handler_of(formatter: LineFormatter, write: Callable[[str], None]) -> BatchingHandler:
    made = BatchingHandler(write)
    made.setFormatter(formatter)
    return made


class Reader:
    """Takes what is written, once it may."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.may_go_on.wait(20)
        self.texts.append(text)

    @property
    def lines(self) -> list[str]:
        return "".join(self.texts).splitlines()


def test_lines_come_in_order_and_many_at_once() -> None:
    reader = Reader()
    handler = handler_of(TextLines(), reader.write)
    for number in range(100):
        handler.handle(record(f"record {number}"))
        handler.handle(record(f"told {number}", n=number))
    handler.flush()
    assert len(reader.lines) == 200
    for number in range(100):
        assert f"record {number}" in reader.lines[2 * number]
        assert reader.lines[2 * number + 1].endswith(f"told {number} (n={number})")
    assert len(reader.texts) < 10


def test_a_reader_that_stands_still_delays_nobody_and_hears_what_it_missed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batching, "MOST_WAITING", 50)
    reader = Reader()
    handler = handler_of(JsonLines(), reader.write)
    reader.may_go_on.clear()
    for number in range(500):
        handler.handle(record(str(number)))
    reader.may_go_on.set()
    handler.flush()
    written = len(reader.lines)
    assert 50 <= written < 500
    assert f"{500 - written} lines of this log were lost" in caplog.text


class _Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")


class _Choosy(TextLines):
    """Fails at some lines, as no formatter should."""

    def format(self, record: logging.LogRecord) -> str:
        if "odd" in record.getMessage():
            raise RuntimeError
        return super().format(record)


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_a_fact_without_text_is_named_and_all_lines_around_it_are_written(
    formatter: LineFormatter,
) -> None:
    reader = Reader()
    handler = handler_of(formatter, reader.write)
    handler.handle(record("before"))
    handler.handle(record("look up", error=_Unshowable(), step="look up"))
    handler.flush()
    handler.handle(record("after"))
    handler.flush()
    before, between, after = reader.lines
    assert "before" in before
    assert "_Unshowable that can't be shown: RuntimeError" in between
    assert "step" in between
    assert "after" in after


def test_a_line_that_can_not_be_made_takes_no_other_along_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = Reader()
    handler = handler_of(_Choosy(), reader.write)
    for message in ("one", "odd", "two"):
        handler.handle(record(message))
        handler.handle(record(f"record {message}"))
    handler.flush()
    assert [line.split()[-1] for line in reader.lines] == ["one", "one", "two", "two"]
    assert "2 lines of this log were lost" in caplog.text


def test_lines_that_a_full_disk_refused_are_counted_once_it_takes_some_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = Reader()
    refusing = [OSError("no space left"), RuntimeError("of a stream of somebody else's")]

    def write(text: str) -> None:
        if refusing:
            raise refusing.pop()
        reader.write(text)

    handler = handler_of(TextLines(), write)
    for _ in range(2):
        handler.handle(record("lost"))
        handler.handle(record("lost too"))
        handler.flush()
        assert "lost" not in caplog.text  # to tell it at once would lose one more, for ever
    handler.handle(record("written"))
    handler.flush()
    assert len(reader.lines) == 1
    assert "4 lines of this log were lost" in caplog.text


def test_what_is_critical_is_written_when_the_call_returns() -> None:
    reader = Reader()
    handler = handler_of(TextLines(), reader.write)
    handler.handle(record("before"))
    handler.handle(record("the end", logging.CRITICAL))
    assert [line[-7:] for line in reader.lines] == [" before", "the end"]


def test_a_filter_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    handler = handler_of(TextLines(), reader.write)
    handler.addFilter(lambda one: "no" not in one.getMessage())
    handler.handle(record("no"))
    handler.handle(record("yes"))
    handler.flush()
    assert len(reader.lines) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_writes_its_own_lines_and_none_of_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "log"

    def write(text: str) -> None:
        with file.open("a") as stream:
            stream.write(text)

    handler = handler_of(TextLines(), write)
    handler.handle(record("of the parent"))
    if (child := os.fork()) == 0:
        handler.handle(record("of the child"))
        handler.flush()
        os._exit(0)
    os.waitpid(child, 0)
    handler.flush()
    lines = sorted(line[-13:] for line in file.read_text().splitlines())
    assert lines == [" of the child", "of the parent"]
