"""Fixtures for every test of the repository, the plugins' among them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsekit.testing.contract import Contract

pytest_plugins = ["parsekit.testing.fixtures"]

ROOT = Path(__file__).parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real replays and contracts beside the project; never optional in CI."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        message = f"no real replays: {folder} is absent"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    """What callers of the service read messages with."""
    return Contract(shared / "contract")
