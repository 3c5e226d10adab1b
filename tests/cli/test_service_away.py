"""Commands of the service that can't reach it, or are told of another one."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from devkit.command_line import PARSEKIT, CommandLine
from devkit.deployment import WorkerProcess
from devkit.servers.process import free_port
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.cli.exit import guarded
from parsekit.worker.dead_letters import DeadLetter, DeadLetters

COMMANDS = [
    ["submit", "replays/a.replay"],
    ["submit", "--follow", "replays/a.replay"],
    ["cancel", "a-task"],
    ["dead-letters", "list"],
    ["dead-letters", "retry", "a-task"],
    ["dead-letters", "drop", "all"],
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_away_is_named(
    cli: CommandLine, server: ValkeyServer, scheme: str, command: list[str]
) -> None:
    broker = f"{scheme}://127.0.0.1:{free_port()}/0"
    environ = {
        "PARSEKIT__CELERY__BROKER": broker,
        "PARSEKIT__CELERY__BACKEND": broker if scheme == "redis" else server.url(),
    }
    run = cli.run(*command, environ=environ)
    assert run.returncode == 1
    assert f"error: the broker does not answer: {broker}: ".encode() in run.stderr
    assert b"is the server up" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_result_store_that_is_away_is_named(cli: CommandLine, server: ValkeyServer) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    environ = {"PARSEKIT__CELERY__BROKER": server.url(), "PARSEKIT__CELERY__BACKEND": away}
    run = cli.run("cancel", "a-task", environ=environ)
    assert run.returncode == 1
    assert f"error: the result store does not answer: {away}: ".encode() in run.stderr


@pytest.fixture
def staging(cli: CommandLine, server: ValkeyServer) -> CommandLine:
    """The user's own configuration is of one service, ``prod.json`` of another.

    Each has a dead letter.
    """
    own = cli.home / ".config/parsekit/parsekit.json"
    own.parent.mkdir(parents=True)
    for database, name in enumerate(("staging", "prod")):
        url = server.url(database)
        (cli.folder / f"{name}.json").write_text(json.dumps({"celery": {"broker": url}}))
        with redis.Redis.from_url(url) as client:
            client.flushdb()
            DeadLetters(client).put(_letter(name))
    (cli.folder / "staging.json").rename(own)
    settings = {k: v for k, v in cli.settings.items() if "CELERY" not in k}
    return replace(cli, settings=settings)


def _letter(name: str) -> DeadLetter:
    kwargs = {"replayObjectPath": f"replays/{name}.replay"}
    return DeadLetter(task_id=name, kwargs=kwargs, code="poison_replay", error="", at_unix=0.0)


def _left(server: ValkeyServer, database: int) -> list[str]:
    with redis.Redis.from_url(server.url(database)) as client:
        return [letter.task_id for letter in DeadLetters(client).all()]


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_a_command_acts_on_the_service_of_the_configuration_that_is_named(
    staging: CommandLine, server: ValkeyServer, command: str
) -> None:
    listed = staging.run("dead-letters", "list", "--config", "prod.json")
    assert listed.stdout.split()[:1] == [b"prod"]
    run = staging.run("dead-letters", command, "all", "--config", "prod.json")
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[:1] == [b"prod"]
    assert (_left(server, 0), _left(server, 1)) == (["staging"], [])


@pytest.mark.parametrize("address", ["foo", "99999", "taken"])
def test_a_worker_does_not_begin_without_the_port_it_was_told(
    cli: CommandLine, server: ValkeyServer, address: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = str(taken.getsockname()[1]) if address == "taken" else address
        environ = {"PARSEKIT__CELERY__BROKER": server.url()}
        run = cli.run("worker", "--http", asked, environ=environ)
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: --http {asked}: ".encode())
    assert len(run.stderr.splitlines()) == 1


def test_ctrl_c_ends_a_worker_as_it_ends_a_command(cli: CommandLine, server: ValkeyServer) -> None:
    environ = cli.environ(PARSEKIT__CELERY__BROKER=server.url())
    worker = WorkerProcess([*PARSEKIT, "worker"], environ, cli.home / "worker.log").ready()
    worker.signal(signal.SIGINT)
    assert worker.process.wait(60) == 130, worker.text()


@pytest.mark.parametrize(
    ("number", "filename", "said"),
    [
        (errno.EACCES, "/srv/a.replay", "error: /srv/a.replay: permission denied\n"),
        (errno.ENOSPC, None, "error: no space left on device\n"),
    ],
)
def test_what_the_system_refuses_is_no_bug_of_ours(
    number: int, filename: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise OSError(number, os.strerror(number), filename)

    assert guarded(command) == 1
    assert capsys.readouterr().err == said


def test_what_nobody_expected_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    assert guarded(command) == 1
    assert "this is a bug of parsekit" in capsys.readouterr().err
