"""Standard output as a terminal of some width."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make standard output a terminal of so many columns."""

    def resize(columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return resize
