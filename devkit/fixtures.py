"""Real servers as fixtures, one a test run: ``-p devkit.fixtures`` brings them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.missing import missing
from devkit.servers.rabbitmq_node import RabbitNode, find_installation
from devkit.servers.shared_rabbitmq import shared_rabbitmq


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
