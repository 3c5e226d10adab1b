"""What a server finds that one before it left when it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parsekit.errors import StorageUnavailable
from parsekit_server.catalogue.replays import Replays
from parsekit_server.work_queue import MOST_STARTS

from .running import Client, FakeParsing, replay_bytes, running_server

#: A server that the parse of a replay kills.
KILLED = """
import os, signal, sys, threading
from pathlib import Path
from types import SimpleNamespace
from parsekit import open_session
from parsekit_server.site import open_site

def parse(path, **_):
    os.kill(os.getpid(), signal.SIGKILL)

session = open_session(Path(sys.argv[1]), data_dir=Path(sys.argv[2]))
with open_site(SimpleNamespace(session=session, slots=1, remote=False, parse=parse,
                               delete_result=None, record=None)):
    threading.Event().wait(60)
"""


def upload_unparsed(parsing: FakeParsing) -> Client:
    """Leave a replay that waits; who uploaded it, with the replay's address as root."""
    parsing.may_go.clear()
    with running_server(parsing) as server:
        client = server.client()
        replay_id = client.upload(replay_bytes()).json()["id"]
    parsing.may_go.set()
    return Client(root=replay_id, token=client.token)


def test_a_replay_that_took_the_server_down_again_and_again_is_put_aside(
    parsing: FakeParsing, tmp_path: Path
) -> None:
    client = upload_unparsed(parsing)
    replay_id = client.root
    places = (str(tmp_path / "parsekit.json"), str(parsing.session.data_dir))
    for _ in range(MOST_STARTS):
        died = subprocess.run([sys.executable, "-c", KILLED, *places], check=False)
        assert died.returncode == -signal.SIGKILL
    with running_server(parsing) as server:
        client = Client(root=server.root, token=client.token)
        shown = client.wait(replay_id)
        assert (shown["status"], shown["failure"]["code"]) == ("failed", "poison_replay")
        assert parsing.parsed == []
        assert client.call("GET", f"/replays/{replay_id}/file").content == replay_bytes()


def test_a_catalogue_that_could_not_take_the_answer_makes_no_replay_poison(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these counted as a crash, and the sixth put the replay aside."""
    finish: Callable[..., Any] = Replays.finish
    refused = threading.Semaphore(MOST_STARTS + 1)

    def full(*arguments: Any, **named: Any) -> None:
        if refused.acquire(blocking=False):
            raise StorageUnavailable("the catalogue can't be used now: the disk is full")
        finish(*arguments, **named)

    monkeypatch.setattr(Replays, "finish", full)
    monkeypatch.setattr("parsekit_server.work_queue._LOOK_EVERY_S", 0.05)
    replay_id = client.upload(replay_bytes()).json()["id"]
    assert client.wait(replay_id)["status"] == "ok"


def test_what_a_broken_upload_left_is_removed_at_the_next_start(parsing: FakeParsing) -> None:
    with running_server(parsing) as server:
        server.client().uploaded(replay_bytes())
    (kept,) = parsing.session.data_dir.glob("server/replays/*/*.replay")
    draft, stranger = kept.with_suffix(".upload"), kept.with_name("note.txt")
    draft.write_bytes(b"half")
    stranger.write_bytes(b"of the operator's")
    with running_server(parsing):
        assert (kept.exists(), draft.exists(), stranger.exists()) == (True, False, True)
