"""Real servers as fixtures, one a test session: ``-p devkit.fixtures`` brings them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from devkit.servers.rabbitmq import RabbitServer, find_installation
from devkit.servers.rabbitmq import rabbitmq as run_rabbitmq


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    """Skip where there is no RabbitMQ server; never in CI."""
    if find_installation() is None:
        message = "no RabbitMQ server: run scripts/servers.py"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def rabbitmq(
    rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitServer]:
    """Run one RabbitMQ for the whole session: take a vhost of your own, and leave it running."""
    with run_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server
