"""A server on a free port of this machine, with a parser that answers what a test wants."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from devkit.servers.postgresql import PostgresqlServer, postgresql
from parsekit import open_session

from .running import Client, FakeParsing, RunningServer, running_server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL."""
    with postgresql() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def parsing(request: pytest.FixtureRequest, tmp_path: Path) -> FakeParsing:
    """A parser that answers what a test wants, with a data folder and a catalogue of its own."""
    config = tmp_path / "parsekit.json"
    settings = {}
    if request.param == "postgresql":
        started: PostgresqlServer = request.getfixturevalue("postgresql_server")
        settings["database"] = started.schema(f"t{uuid.uuid4().hex}")
    config.write_text(json.dumps({"server": settings}))
    made = FakeParsing(open_session(config, data_dir=tmp_path / "data"))
    made.may_go.set()
    return made


@pytest.fixture
def server(parsing: FakeParsing) -> Iterator[RunningServer]:
    """A server."""
    with running_server(parsing) as started:
        yield started


@pytest.fixture
def client(server: RunningServer) -> Client:
    """Somebody who may upload."""
    return server.client()


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """The command line, with a home of its own."""
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    return CommandLine(folder=tmp_path, home=home)
