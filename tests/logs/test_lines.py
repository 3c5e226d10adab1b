"""Both formats, given whatever a caller or a library may hand to `logging`."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from parsekit.errors import StorageUnavailable
from parsekit.logs.context import working_on
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.record import MAX_MESSAGE, facts
from parsekit.logs.setup import flush, set_up
from parsekit.logs.steps import Step, log_step
from parsekit.logs.text_lines import TextLines
from parsekit.redaction.secrets import remember

FORGED = 'x\n{"level":"info","message":"forged"}\r12:00:00.000 info forged\u2028\x1b[2Jy\x85z\x7f'
log = logging.getLogger("somebody.elses")


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as pytest has it, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    asked = logging.logThreads, logging.logProcesses, logging.logMultiprocessing
    yield
    flush()
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = asked
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks


class Written:
    """Standard error, and the lines on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = io.StringIO()
        self._monkeypatch = monkeypatch

    def begin(self, form: Literal["auto", "json", "text"], level: str = "INFO") -> None:
        """Set up; pytest puts a stream of its own in place between fixtures and test."""
        self._monkeypatch.setattr(sys, "stderr", self.stream)
        set_up(form, level)

    @property
    def text(self) -> str:
        flush()
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        assert self.text.isascii()
        return [json.loads(line) for line in self.text.split("\n")[:-1]]

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.lines
        return line


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, restored: None) -> Written:
    return Written(monkeypatch)


def test_a_line_of_any_library_is_one_json_object(written: Written) -> None:
    written.begin("json")
    log.info("hello %s", "you")
    line = written.line
    assert (line["level"], line["logger"], line["message"]) == (
        "info",
        "somebody.elses",
        "hello you",
    )
    assert line["time"].endswith("Z")


@pytest.mark.parametrize("where", ["message", "argument", "logger", "fact", "task", "error"])
def test_nothing_that_a_caller_sends_forges_a_line_of_json(written: Written, where: str) -> None:
    written.begin("json")
    write_forged(where)
    assert any(FORGED in str(value) for value in written.line.values())


@pytest.mark.parametrize("where", ["message", "argument", "fact", "task", "error"])
def test_nothing_that_a_caller_sends_forges_a_line_of_text(written: Written, where: str) -> None:
    written.begin("text")
    write_forged(where)
    first, *below = written.text.split("\n")[:-1]
    assert "forged" in written.text
    assert all(row.startswith("    | ") for row in below)
    assert not set(first + "".join(below)) & set("\r\x1b\u2028\x85\x7f")
    assert first[:2].isdigit()


def write_forged(where: str) -> None:
    if where == "message":
        log.info(FORGED)
    elif where == "argument":
        log.info("from %s", FORGED)
    elif where == "logger":
        logging.getLogger(FORGED).info("x")
    elif where == "fact":
        log.info("x", extra=facts(replay=FORGED))
    elif where == "task":
        with working_on(lambda: {"task_id": FORGED}):
            log.info("x")
    else:
        try:
            raise ValueError(FORGED)
        except ValueError:
            log.exception("x")


class _Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d", ("Zq8v-token-1",)),
        ("%s %s", ("one",)),
        ("%s", (_Unshowable(),)),
        (b"bytes", ()),
        (_Unshowable(), ()),
    ],
)
def test_what_can_not_be_filled_in_is_one_line_all_the_same(
    written: Written, form: Any, message: Any, arguments: tuple[object, ...]
) -> None:
    written.begin(form)
    log.warning(message, *arguments)
    assert written.text.count("\n") == 1
    assert "Logging error" not in written.text
    assert "Zq8v" not in written.text


class _Array:
    """Compared with a text, tells something that is neither true nor false, as numpy's do."""

    def __eq__(self, other: object) -> Any:
        return _Undecided()

    __hash__ = None  # type: ignore[assignment]

    def __ne__(self, other: object) -> Any:
        return _Undecided()

    def __str__(self) -> str:
        return "[1 2]"


class _Undecided:
    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (_Unshowable(), "<_Unshowable that can't be shown: RuntimeError>"),
        (_Array(), "[1 2]"),
    ],
    ids=["no text", "an array"],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_any_fact_is_shown_beside_the_others(
    written: Written, form: Any, value: object, shown: str
) -> None:
    written.begin(form)
    log.info("hello", extra=facts(odd=value, replay="a.replay"))
    log_step("look up", "hit", odd=value)
    assert written.text.count(shown) == 2
    assert "a.replay" in written.text


@pytest.mark.parametrize("known", [{7: "x"}, {"n": 10**5000}], ids=["no name", "many digits"])
def test_a_line_that_can_not_be_made_is_told_of(written: Written, known: object) -> None:
    written.begin("json")
    log.info("hello", extra={"parsekit_facts": known})
    assert written.line["message"].startswith("a line that can't be shown: ")
    assert written.line["logger"] == log.name


class _Ratio(float):
    """As numpy's numbers are."""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), _Ratio("nan")])
def test_a_number_that_json_has_not_is_null(written: Written, value: float) -> None:
    written.begin("json")
    log.info("x", extra=facts(rate=value, n=1.5))
    assert '"rate":null,"n":1.5' in written.text


def test_no_invisible_character_stands_in_a_line_of_text(written: Written) -> None:
    joiners = "\u200c\u200d"  # emoji and some scripts are written with them
    hidden = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cf"]
    written.begin("text")
    log.info("a%sb", "".join(hidden))
    assert set(written.text) & set(hidden) == set(joiners)
    assert r"\u200b" in written.text
    assert r"\U000e0001" in written.text


def test_a_huge_message_is_cut(written: Written) -> None:
    written.begin("json")
    log.info("x" * 10_000_000)
    assert len(written.text) < 2 * MAX_MESSAGE


def test_no_half_of_a_secret_is_left_where_a_message_is_cut(written: Written) -> None:
    remember("Half-Secret-0123456789")
    written.begin("json")
    log.info("%sHalf-Secret-0123456789", "x" * (MAX_MESSAGE - 6))
    assert "Half-S" not in written.text


def test_a_stream_that_is_gone_fails_nobody(written: Written) -> None:
    written.begin("json")
    written.stream.close()
    log.info("nobody reads this")


def test_secrets_are_out_of_messages_facts_and_tracebacks(written: Written) -> None:
    remember("Swordfish-77")
    written.begin("json")
    try:
        try:
            raise OSError("bad login Swordfish-77")
        except OSError as exc:
            raise StorageUnavailable("http://ann:Swordfish-77@host is away") from exc
    except StorageUnavailable:
        log.exception("got %s", {"key": "Swordfish-77"}, extra=facts(url="Swordfish-77"))
    assert "Swordfish" not in written.text
    assert "bad login ***" in written.line["traceback"]


def test_what_celery_says_of_a_task_has_its_id(written: Written) -> None:
    written.begin("json")
    log.info("Task received", extra={"data": {"id": "task-7"}})
    assert written.line["task_id"] == "task-7"


def test_warnings_and_threads_that_end_by_an_error_are_lines(written: Written) -> None:
    import warnings  # noqa: PLC0415  (this test alone)

    written.begin("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / 0, name="t\n1")
    thread.start()
    thread.join()
    warned, ended = written.lines
    assert "old" in warned["message"]
    assert "ZeroDivisionError" in ended["traceback"]


def test_auto_is_json_unless_a_terminal_reads(
    monkeypatch: pytest.MonkeyPatch, restored: None
) -> None:
    set_up("auto")
    assert isinstance(logging.getLogger().handlers[0].formatter, JsonLines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    set_up("auto")
    assert isinstance(logging.getLogger().handlers[0].formatter, TextLines)


class TestSteps:
    def test_a_step_tells_how_it_ended_and_how_long_it_took(self, written: Written) -> None:
        written.begin("json")
        with working_on(lambda: {"task_id": "t", "parser": "local"}), Step("look up") as step:
            step.outcome = "hit"
        line = written.line
        assert (line["step"], line["outcome"], line["task_id"]) == ("look up", "hit", "t")
        assert line["duration_ms"] >= 0

    def test_an_error_is_told_by_its_code_and_goes_on(self, written: Written) -> None:
        written.begin("json")
        with pytest.raises(StorageUnavailable), Step("store"):
            raise StorageUnavailable("no store today")
        assert written.line["outcome"] == "storage_unavailable"
        assert written.line["error"] == "no store today"

    def test_a_step_below_the_level_is_not_written(self, written: Written) -> None:
        written.begin("json", "WARNING")
        with Step("parse"):
            log_step("wait", "later")
        assert written.text == ""

    def test_a_thread_knows_nothing_of_another_thread_s_task(self, written: Written) -> None:
        written.begin("json")
        with working_on(lambda: {"task_id": "t"}):
            thread = threading.Thread(target=log.info, args=("x",))
            thread.start()
            thread.join()
        assert "task_id" not in written.line
