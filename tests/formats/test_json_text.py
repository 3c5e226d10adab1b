"""Outcomes as JSON lines: the body's text is copied where it can be, and always says the same."""

from __future__ import annotations

import io
import json

import pytest

from parsekit.formats.json_text import JsonLinesWriter, line_of
from parsekit.json_text import JsonData
from parsekit.model import Outcome

BODY = {"title": "Łódź \x1b[2J", "duration": 322, "blue": {"score": 1.5}}


def outcome(text: str | None) -> Outcome:
    return Outcome(replay="final.replay", task_id="t", hash="ab", data=BODY, data_text=text)


def test_a_line_of_copied_text_is_that_of_the_values() -> None:
    assert line_of(outcome(JsonData.of(BODY).text)) == line_of(outcome(None))


@pytest.mark.parametrize(
    "text",
    [json.dumps(BODY, indent=1), json.dumps(BODY, ensure_ascii=False), json.dumps(BODY) + "\r"],
    ids=["indented", "not ASCII", "carriage return"],
)
def test_text_of_another_writer_never_breaks_a_line(text: str) -> None:
    out = io.StringIO()
    JsonLinesWriter(out).write(outcome(text))
    assert out.getvalue() == line_of(outcome(None)) + "\n"
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue())["data"] == BODY
