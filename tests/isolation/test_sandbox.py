"""What the sandbox shows of the machine, and what it says where it can't be whole."""

from __future__ import annotations

import platform
import pwd
from pathlib import Path

import pytest

from parsekit.parsers.isolation import sandbox
from parsekit.parsers.isolation.sandbox import missing_layers

HERE = str(Path(__file__).parent)


def test_a_search_path_that_holds_all_homes_is_not_shown():
    assert sandbox._too_much(Path("/"))
    assert sandbox._too_much(Path.home())
    assert not sandbox._too_much(Path(HERE))


def test_a_user_without_a_home_has_none_to_hide(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    assert sandbox._too_much(Path("/"))
    assert not sandbox._too_much(Path(HERE))


def test_a_system_without_layers_says_which_and_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert "s390x" in str(missing_layers()[0])
    assert sandbox.SYSTEM_CALLS in str(missing_layers()[0])
