"""Real servers as fixtures, one a test run, and a browser: ``-p devkit.fixtures`` brings them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit import npm
from devkit.missing import missing
from devkit.servers.chromium import chromium, find_chromium
from devkit.servers.rabbitmq_node import RabbitNode, find_installation
from devkit.servers.shared_rabbitmq import shared_rabbitmq

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    """Skip where there is no RabbitMQ server; never in CI."""
    if find_installation() is None:
        missing("no RabbitMQ server: run scripts/servers.py")


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq_installed: None, run_folder: Path) -> Iterator[RabbitNode]:
    """Use the one RabbitMQ of this run: take a vhost of your own, and leave it running."""
    with shared_rabbitmq(run_folder / "rabbitmq") as node:
        yield node


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; missing it skips, and fails in CI."""
    found = find_chromium()
    if found is None:
        missing("there is no Chromium: run scripts/chromium.py")
    with chromium(found) as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what keeps people out of a page."""
    return (npm.installed(Path(__file__).parent / "axe") / "axe-core/axe.min.js").read_text()
