"""A server on a free port of this machine, with a parser that answers what a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit import open_session

from .running import Client, FakeParsing, RunningServer, running_server


@pytest.fixture
def parsing(tmp_path: Path) -> FakeParsing:
    """A parser that answers what a test wants, with a data folder of its own."""
    made = FakeParsing(open_session(data_dir=tmp_path / "data"))
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
