"""A remote parser that is a folder, and listeners that write down what they hear.

The folder is ``$FAKE_REMOTE``: ``uploads`` has a line an upload, ``done/<sha256>`` the time at
which that replay is ready, ``events`` a line for each event told. ``pending_s``, ``slow_s`` and
``resume_s`` hold the seconds that a replay stays pending, that an upload takes, and that a look
takes; ``body`` what it answers instead of the hash.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from parsekit import Job, NotReady, Parsed, ParserEntry, ProviderContext, Replay, hookimpl
from parsekit.errors import RemoteRejected, RemoteTimeout

#: Benchmarks measure the service, not the writing down of what it tells.
QUIET = "FAKE_QUIET" in os.environ


def remote() -> Path:
    return Path(os.environ["FAKE_REMOTE"])


def setting(name: str, default: float = 0.0) -> float:
    file = remote() / name
    return float(file.read_text()) if file.exists() else default


def write_line(name: str, line: str) -> None:
    """One write to a file opened for appending: lines of several processes never mix."""
    handle = os.open(remote() / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, line.encode() + b"\n")
    finally:
        os.close(handle)


class FakeRemote:
    """Takes an upload, is pending for a while, and answers the hash of what it was given."""

    def __init__(self, context: ProviderContext) -> None:
        (remote() / "done").mkdir(exist_ok=True)
        self.uploading = 0

    def close(self) -> None:
        if self.uploading:
            write_line("closed_in_use", str(os.getpid()))

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        job.progress(30, "Uploading replay to Ballchasing")
        ready = remote() / "done" / replay.sha256
        self.uploading += 1
        time.sleep(setting("slow_s"))
        self.uploading -= 1
        if (remote() / "kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        write_line("uploads", replay.sha256)
        draft = ready.with_name(f"{ready.name}.{os.getpid()}.{job.task_id}")
        draft.write_text(str(time.time() + setting("pending_s")))
        draft.replace(ready)
        ticket = {"sha256": replay.sha256, "until": time.time() + setting("deadline_s", 900)}
        job.checkpoint(ticket)
        return self._look(ticket)

    def resume(self, job: Job) -> Parsed | NotReady:
        job.progress(60, "Getting stats from Ballchasing")
        write_line("polls", job.task_id)
        time.sleep(setting("resume_s"))
        return self._look(dict(job.ticket or {}))

    def _look(self, ticket: dict[str, Any]) -> Parsed | NotReady:
        left_s = float((remote() / "done" / ticket["sha256"]).read_text()) - time.time()
        if (remote() / "reject").exists():
            raise RemoteRejected("the remote parser does not like this replay")
        if time.time() > ticket["until"]:
            raise RemoteTimeout("the remote parser took too long")
        if left_s > 0:
            return NotReady(ticket=ticket, after_s=max(0.1, left_s), reason="pending")
        body = remote() / "body"
        if body.exists():
            return Parsed(data=json.loads(body.read_text()))
        return Parsed(data={"sha256": ticket["sha256"]})


@hookimpl
def parsekit_register_parsers(register: Any) -> None:
    register(ParserEntry(name="fake", version="1.0", create=FakeRemote, runs="remote"))


@hookimpl
def parsekit_progress(event: Any) -> None:
    if not QUIET:
        write_line("events", json.dumps({"kind": "progress", **event.to_message()}))


@hookimpl
def parsekit_analytics(event: Any) -> None:
    message = event.to_message()
    if not QUIET:
        write_line("events", json.dumps({"kind": "analytics", "id": event.event_id, **message}))
