"""``parsekit submit``: what can't be sent is told, and stops nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import redis

from devkit.command_line import CommandLine, end, wait_until
from devkit.servers.valkey import ValkeyServer, valkey
from devkit.terminal import ESCAPES, Terminal
from parsekit.cli import following

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
    assert [entry["replay"] for entry in kept if "replay" in entry] == ["f/b.replay"]
    big.write_bytes(b"small enough now")
    again = service.run(*line)
    assert (again.returncode, len(ids(again))) == (0, 2)
    assert set(ids(first)) < set(ids(again))


def queued(server: ValkeyServer) -> list[str]:
    """The tasks of the messages in the queue."""
    with redis.Redis.from_url(server.url()) as client:
        messages = map(json.loads, client.lrange("replay-parse", 0, -1))
        return [message["headers"]["id"] for message in messages]


def test_a_repeat_sends_only_what_is_missing(
    service: CommandLine, server: ValkeyServer, replays: Replays, stored: str
) -> None:
    replays("f/b", "f/c")
    line = ("submit", "--manifest", "m.jsonl", "f", stored)
    first = service.run(*line)
    assert sorted(queued(server)) == sorted(ids(first))
    replays("f/a")
    again = service.run(*line)
    assert (again.returncode, len(ids(again))) == (0, 4), again.stderr
    assert set(ids(first)) < set(ids(again))
    assert sorted(queued(server)) == sorted(ids(again))
    file = service.home / ".local/share/parsekit/audit.jsonl"
    records = [json.loads(each) for each in file.read_text().splitlines()]
    assert sum(record["sent"] == ["queue replay-parse"] for record in records) == 4


def test_a_key_that_is_named_twice_is_sent_once(
    service: CommandLine, server: ValkeyServer, stored: str
) -> None:
    done = service.run("submit", stored, stored)
    assert ids(done) == queued(server)


def test_what_was_about_to_be_sent_is_sent_under_its_id(
    service: CommandLine, server: ValkeyServer, replays: Replays
) -> None:
    replays("f/a")
    begun = {"replay": "f/a.replay", "key": "replays/a.replay", "task_id": "mine"}
    (service.folder / "m.jsonl").write_text(json.dumps(begun) + "\n")
    for _ in range(2):
        assert ids(service.run("submit", "--manifest", "m.jsonl", "f")) == ["mine"]
    assert queued(server) == ["mine"]


def test_a_submit_that_was_killed_goes_on_where_it_was(
    service: CommandLine, server: ValkeyServer
) -> None:
    (service.folder / "f").mkdir()
    for number in range(300):
        (service.folder / f"f/{number:03d}.replay").write_bytes(b"replay %d" % number)
    manifest = service.folder / "m.jsonl"
    line = ("submit", "--manifest", manifest.name, "f")
    process = service.start(*line)
    wait_until(lambda: manifest.exists() and manifest.read_bytes().count(b'"sent"') > 30)
    end(process, signal.SIGKILL)
    before = queued(server)
    assert 30 <= len(before) < 300
    again = service.run(*line)
    assert (again.returncode, len(ids(again))) == (0, 300), again.stderr
    assert set(queued(server)) == set(ids(again))
    assert set(before) < set(ids(again))
    assert len(queued(server)) <= 301  # one was perhaps sent, and not known to be


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


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PROGRESS_EVERY_S", -1.0)
    with following.displayed(follow=False, results_for_programs=False, total=lambda: 4) as shown:
        shown.expect(4)
        shown.count(failed=False)
    assert re.fullmatch(r"1 of 4 replays, \d+/s, 0:00:00 left\n", capsys.readouterr().err)


def test_a_progress_line_has_count_rate_and_time_left() -> None:
    line = following.progress_line(12_000, 1_000_000, 310.0)
    assert line == "12000 of 1000000 replays, 310/s, 0:53:07 left"
    assert following.progress_line(12, 0, 0.4) == "12 replays, 0/s"


def test_a_bar_shows_how_many_were_sent(service: CommandLine, replays: Replays) -> None:
    replays(*(f"f/{number}" for number in range(5)))
    code, shown = Terminal(service).run("submit", "f")
    text = ESCAPES.sub("", shown)
    assert code == 0
    assert "5/" in text
    assert len(re.findall(r"[0-9a-f-]{36} replays/", text)) == 5
