from __future__ import annotations

import pytest

from parsekit.redaction.terminal_text import printable, spreadsheet_safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("プレイヤー 🚀 👨‍👩‍👧 é", "プレイヤー 🚀 👨‍👩‍👧 é"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("line\nbreak\ttab\r", "line\\nbreak\\ttab\\r"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("\u2066x\u2069\u2028", "\\u2066x\\u2069\\u2028"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_what_a_terminal_may_obey_is_shown_instead(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_formula_is_quoted_for_spreadsheets(name: str) -> None:
    assert spreadsheet_safe(name) == f"'{name}"


def test_a_tab_before_a_formula_is_no_way_around() -> None:
    assert spreadsheet_safe("\t=1+1") == "\\t=1+1"


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert spreadsheet_safe("Ada = best") == "Ada = best"
