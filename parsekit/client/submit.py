"""Send many replays to the service, a bounded number at a time, and take their outcomes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from celery import states
from celery.exceptions import SecurityError
from kombu.exceptions import DecodeError

from parsekit.batch.inputs import NoMatch
from parsekit.client import caller
from parsekit.client.manifest import Entry, Manifest
from parsekit.client.uploads import NotSent, Uploads
from parsekit.errors import ParserFailed
from parsekit.model import Failure, JsonObject, Outcome
from parsekit.records.audit_trail import Operations
from parsekit.redaction.secrets import short
from parsekit.worker.celery_app import app
from parsekit.worker.messages.ends import error_of
from parsekit.worker.process import service

#: So many tasks of one `submit` are in the service at once: the queue stays short, whatever the
#: size of the back-fill, and what is not sent yet can be stopped by stopping to send.
WINDOW = 200
#: Between two looks at the tasks under way, seconds.
_LOOK_SECONDS = 0.2


#: What Celery raises for a result that no worker of ours has written.
_UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
    *(SecurityError, DecodeError),
)
_MAX_REASON = 200


class Follower(Protocol):
    """Follows how the tasks of one `answer_all` get on."""

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        """A task's state has changed; ``reason`` says why it waits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one replay ended, in the form of ``--format jsonl``."""

    outcome: JsonObject


def send_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool
) -> Iterator[Entry | NotSent | NoMatch]:
    """Send without waiting for anything; what can't be sent is reported and stops nothing.

    What the manifest knows to be sent is answered, and not sent again. Raises what storage or
    broker say, which they would say to every other replay, too.
    """
    with Uploads(manifest, audit) as uploads, caller.TaskSender(audit, bulk=bulk) as sender:
        for one in uploads.entries(names):
            if isinstance(one, Entry) and not one.sent_unix:
                _send(one, sender, manifest)
            yield one


def answer_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool, follower: Follower
) -> Iterator[Answer | NoMatch]:
    """Send, and return each task when it has ended, in the order in which they end.

    What can't be sent is answered at once. What was sent before is waited for; it is sent again
    where its result may have expired since. Raises as `send_all`.
    """
    with Uploads(manifest, audit) as uploads, caller.TaskSender(audit, bulk=bulk) as sender:
        yield from _answers(uploads.entries(names), manifest, sender, follower)


def _answers(
    supply: Iterator[Entry | NotSent | NoMatch],
    manifest: Manifest,
    sender: caller.TaskSender,
    follower: Follower,
) -> Iterator[Answer | NoMatch]:
    under_way: dict[Entry, _Watched] = {}
    exhausted = False
    while under_way or not exhausted:
        while not exhausted and len(under_way) < WINDOW:
            one = next(supply, None)
            if one is None:
                exhausted = True
            elif isinstance(one, Entry):
                if time.time() - one.sent_unix > service.addresses.result_expires:
                    _send(one, sender, manifest)
                under_way[one] = _Watched()
            else:
                yield _refusal(one)
        ended = [entry for entry, watched in under_way.items() if watched.look(entry, follower)]
        for entry in ended:
            outcome = _outcome(entry, under_way.pop(entry).meta)
            manifest.end(entry, outcome)
            yield Answer(outcome)
        if not ended:
            time.sleep(_LOOK_SECONDS)


def _send(entry: Entry, sender: caller.TaskSender, manifest: Manifest) -> None:
    sender.send({"replayObjectPath": entry.key}, entry.task_id)
    manifest.sent(entry)


class _Watched:
    """A task under way: what Celery knows of it, and what was reported of it last."""

    def __init__(self) -> None:
        self.meta: Mapping[str, Any] | ParserFailed = {}
        self._shown = ("", "")

    def look(self, entry: Entry, follower: Follower) -> bool:
        """Report a change; return whether the task has ended."""
        try:
            meta = app.backend.get_task_meta(entry.task_id, cache=False)
        except _UNREADABLE as exc:
            said = short(f"{type(exc).__name__}: {exc}", _MAX_REASON)
            self.meta = ParserFailed(f"what stands for its result in Redis can't be read: {said}")
            return True
        self.meta = meta
        state = str(meta["status"])
        about = meta["result"] if state == "WAITING" else None
        shown = (state, str(about.get("reason", "")) if isinstance(about, dict) else "")
        if shown != self._shown:
            self._shown = shown
            follower.changed(entry, *shown)
        return state in states.READY_STATES


def _outcome(entry: Entry, meta: Mapping[str, Any] | ParserFailed) -> JsonObject:
    if isinstance(meta, ParserFailed):
        return _failed(entry.replay, Failure.of(meta))
    value = meta["result"]
    if meta["status"] == states.SUCCESS and isinstance(value, dict):
        return {"replay": entry.replay, "ok": True, **value, "error": None}
    error = error_of(value) or ParserFailed(str(value))
    return _failed(entry.replay, Failure.of(error))


def _refusal(one: NotSent | NoMatch) -> Answer | NoMatch:
    return one if isinstance(one, NoMatch) else Answer(_failed(one.replay, one.failure))


def _failed(replay: str, failure: Failure) -> JsonObject:
    return Outcome(replay=replay, task_id="", failure=failure).to_json()
