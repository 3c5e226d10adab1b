"""What a test needs and this machine has not."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, saying what is missing; in CI, which must have all of it, fail it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
