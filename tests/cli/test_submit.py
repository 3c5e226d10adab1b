"""``parsekit submit``: what can't be sent is told, and stops nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import redis

from devkit.command_line import CommandLine
from devkit.servers.valkey import ValkeyServer, valkey

Replays = Callable[..., list[Path]]

MAX_BYTES = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def service(cli: CommandLine, server: ValkeyServer) -> CommandLine:
    """A service whose worker is not at work."""
    with redis.Redis.from_url(server.url()) as client:
        client.flushall()
    settings = {
        "PARSEKIT__CELERY__BROKER": server.url(),
        "PARSEKIT__LIMITS__REPLAY_BYTES": str(MAX_BYTES),
    }
    return replace(cli, settings={**cli.settings, **settings})


@pytest.fixture
def stored(service: CommandLine, replays: Replays) -> str:
    """The key of a replay that is in the storage."""
    (path,) = replays("elsewhere/stored")
    target = service.home / ".local/share/parsekit/results/stored.replay"
    target.parent.mkdir(parents=True)
    path.rename(target)
    return target.name


def large(path: Path) -> Path:
    path.write_bytes(bytes(MAX_BYTES + 1))
    return path


def ids(done: CompletedProcess[bytes]) -> list[str]:
    return [line.split()[0] for line in done.stdout.decode().splitlines()]


def test_what_can_not_be_sent_is_told_and_the_rest_is_sent(
    service: CommandLine, replays: Replays, stored: str
) -> None:
    replays("f/b")
    large(service.folder / "f/a-big.replay")
    (service.folder / "f/c-gone.replay").symlink_to("nowhere")
    names = ("./none.replay", "a//b.replay", "nosuch.replay", "f", stored)
    done = service.run("submit", *names)
    assert (done.returncode, len(ids(done))) == (1, 2), done.stderr
    told = done.stderr.decode().splitlines()
    assert [line.split(": ")[1] for line in told] == [
        "./none.replay replay_not_found",
        "a//b.replay bad_request",
        "nosuch.replay replay_not_found",
        "f/a-big.replay replay_too_large",
        "f/c-gone.replay replay_not_found",
    ]


def test_no_manifest_keeps_what_was_not_sent(service: CommandLine, replays: Replays) -> None:
    replays("f/b")
    big = large(service.folder / "f/a-big.replay")
    line = ("submit", "--manifest", "m.jsonl", "f")
    first = service.run(*line)
    kept = map(json.loads, (service.folder / "m.jsonl").read_text().splitlines())
    assert [entry["replay"] for entry in kept] == ["f/b.replay"]
    big.write_bytes(b"small enough now")
    again = service.run(*line)
    assert (again.returncode, len(ids(again))) == (0, 2)
    assert set(ids(first)) < set(ids(again))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told_and_the_rest_is_sent(
    service: CommandLine, replays: Replays
) -> None:
    locked, _ = replays("f/a", "f/b")
    locked.chmod(0)
    (service.folder / "f/locked").mkdir(mode=0)
    done = service.run("submit", "f")
    (service.folder / "f/locked").chmod(0o700)
    assert (done.returncode, len(ids(done))) == (1, 1)
    assert b"f/a.replay storage_denied: " in done.stderr
    assert b"f/locked: permission denied" in done.stderr


def test_a_key_is_sent_where_the_storage_can_not_be_asked(service: CommandLine) -> None:
    away = {**service.settings, "PARSEKIT__STORAGE": "minio"}
    away["PARSEKIT__MINIO__HOSTNAME"] = "127.0.0.1:1"
    done = replace(service, settings=away).run("submit", "stored.replay")
    assert (done.returncode, len(ids(done))) == (0, 1), done.stderr


def test_a_folder_without_replays_is_a_usage_error(service: CommandLine, stored: str) -> None:
    (service.folder / "empty").mkdir()
    for more in ((), ("--follow",), ("--format", "jsonl")):
        done = service.run("submit", "empty", *more)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"error: empty: no replay in this folder")
    beside = service.run("submit", "empty", stored)
    assert (beside.returncode, len(ids(beside))) == (1, 1)


def test_a_storage_that_is_away_ends_the_command(service: CommandLine, replays: Replays) -> None:
    replays("f/a", "f/b")
    away = {**service.settings, "PARSEKIT__FOLDER__PATH": "/proc/nowhere"}
    done = replace(service, settings=away).run("submit", "--manifest", "m.jsonl", "f")
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(done.stderr.splitlines()) == 1
    assert (service.folder / "m.jsonl").read_text() == ""
