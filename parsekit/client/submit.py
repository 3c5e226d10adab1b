"""Send many replays to the service, a bounded number at a time, and take their outcomes."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from celery import states
from celery.exceptions import SecurityError
from kombu.exceptions import DecodeError

from parsekit.batch.inputs import Input, NoMatch
from parsekit.client import caller
from parsekit.client.manifest import Entry, Manifest
from parsekit.client.targets import Key, expand
from parsekit.errors import ParsekitError, ParserFailed, ReplayNotFound
from parsekit.model import Failure, JsonObject, Outcome
from parsekit.providers import Storage
from parsekit.records.audit_trail import AuditedStorage, Operation, Operations
from parsekit.redaction.secrets import short
from parsekit.storage.keys import checked_key
from parsekit.storage.open import make_storage
from parsekit.storage.sources import LocalReplay
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

    def expect(self, total: int) -> None:
        """So many replays there are; called once that is known."""

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        """A task's state has changed; ``reason`` says why it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """A replay that can't be sent, and why. No manifest keeps it, so that a repeat tries again."""

    replay: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Answer:
    """How one replay ended, in the form of ``--format jsonl``."""

    outcome: JsonObject


def send_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool
) -> Iterator[Entry | NotSent | NoMatch]:
    """Send without waiting for anything; what can't be sent is reported and stops nothing.

    Raises what storage or broker say, which they would say to every other replay, too.
    """
    with _Stored() as stored:
        for one in _entries(names, manifest, audit, stored):
            if isinstance(one, Entry):
                _send(one, audit, bulk)
            yield one


def answer_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool, follower: Follower
) -> Iterator[Answer | NoMatch]:
    """Send, and return each task when it has ended, in the order in which they end.

    What can't be sent is answered at once. Raises as `send_all`.
    """
    with _Stored() as stored:
        supply = _entries(names, manifest, audit, stored)
        yield from _answers(supply, manifest, audit, bulk, follower)


def _answers(
    supply: Iterator[Entry | NotSent | NoMatch],
    manifest: Manifest,
    audit: Operations,
    bulk: bool,
    follower: Follower,
) -> Iterator[Answer | NoMatch]:
    under_way: dict[Entry, _Watched] = {}
    replays, exhausted = 0, False
    while under_way or not exhausted:
        while not exhausted and len(under_way) < WINDOW:
            one = next(supply, None)
            replays += isinstance(one, Entry | NotSent)
            if one is None:
                exhausted = True
                follower.expect(replays)
            elif isinstance(one, Entry):
                under_way[one] = _Watched(_send(one, audit, bulk))
            else:
                yield _refusal(one)
        ended = [entry for entry, watched in under_way.items() if watched.look(entry, follower)]
        for entry in ended:
            outcome = _outcome(entry, under_way.pop(entry).result)
            manifest.end(entry, outcome)
            yield Answer(outcome)
        if not ended:
            time.sleep(_LOOK_SECONDS)


class _Watched:
    """A task under way, and what was reported of it last."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self._shown = ("", "")

    def look(self, entry: Entry, follower: Follower) -> bool:
        """Report a change; return whether the task has ended."""
        try:
            meta = self.result.backend.get_task_meta(self.result.id, cache=False)
        except _UNREADABLE:
            return True
        state = str(meta["status"])
        about = meta["result"] if state == "WAITING" else None
        shown = (state, str(about.get("reason", "")) if isinstance(about, dict) else "")
        if shown != self._shown:
            self._shown = shown
            follower.changed(entry, *shown)
        return state in states.READY_STATES


class _Stored:
    """The storage, made when it is first needed: who sends keys alone may have no access to it."""

    def __init__(self) -> None:
        self._storage: Storage | None = None

    def __enter__(self) -> _Stored:
        return self

    def __exit__(self, *_: object) -> None:
        if self._storage is not None:
            self._storage.close()

    def watched(self, operation: Operation) -> AuditedStorage:
        """It, with its use on record. Raises `ConfigInvalid`."""
        if self._storage is None:
            self._storage = make_storage(service.host, service.config, service.data_dir)
        return AuditedStorage(self._storage, operation.trail)


def _entries(
    names: Iterable[str], manifest: Manifest, audit: Operations, stored: _Stored
) -> Iterator[Entry | NotSent | NoMatch]:
    """What is still to do, with a task id that is on disk before the task is sent."""
    for one in expand(names):
        if isinstance(one, NoMatch):
            yield one
            continue
        entry = manifest.find(one.replay)
        if entry is None:
            made = _made(one, audit, stored)
            if isinstance(made, NotSent):
                yield made
                continue
            manifest.begin(made)
            entry = made
        if not manifest.ended(entry):
            yield entry


def _made(one: Key | Input, audit: Operations, stored: _Stored) -> Entry | NotSent:
    """The task of a replay, which is in the storage then."""
    task_id = str(uuid.uuid4())
    limit = service.config.limits.replay_bytes
    try:
        if isinstance(one, Key):
            key = checked_key(one.replay)
            _refuse_missing(key, task_id, audit, stored)
            return Entry(replay=one.replay, key=key, task_id=task_id)
        body = LocalReplay(Path(one.replay)).read(limit)
    except ParsekitError as exc:
        return NotSent(replay=one.replay, failure=Failure.of(exc))
    key = _uploaded(one, body, task_id, audit, stored)
    return Entry(replay=one.replay, key=key, task_id=task_id)


def _refuse_missing(key: str, task_id: str, audit: Operations, stored: _Stored) -> None:
    """Raise `ReplayNotFound` for a key that is not there: mostly a path with a typing error.

    A storage that can't be asked is the worker's business.
    """
    with audit.doing(task_id=task_id, replay=key) as operation:
        try:
            stored.watched(operation).head(key)
        except ReplayNotFound:
            text = f"{key} is neither a file on this machine nor a key in the storage"
            raise ReplayNotFound(text) from None
        except ParsekitError as exc:
            operation.fault = exc.message


def _uploaded(file: Input, body: bytes, task_id: str, audit: Operations, stored: _Stored) -> str:
    """Put a file into the storage under its hash, unless it is there already."""
    key = f"replays/{hashlib.sha256(body).hexdigest()}.replay"
    with audit.doing(task_id=task_id, replay=file.replay) as operation:
        operation.trail.record("read", file.replay)
        stored.watched(operation).write(key, body, replace=False)
    return key


def _send(entry: Entry, audit: Operations, bulk: bool) -> Any:
    return caller.send({"replayObjectPath": entry.key}, entry.task_id, audit, bulk=bulk)


def _outcome(entry: Entry, result: Any) -> JsonObject:
    try:
        meta = result.backend.get_task_meta(result.id)
        value = result.result
    except _UNREADABLE as exc:
        said = short(f"{type(exc).__name__}: {exc}", _MAX_REASON)
        unread = ParserFailed(f"what stands for its result in Redis can't be read: {said}")
        return _failed(entry.replay, Failure.of(unread))
    if meta["status"] == states.SUCCESS and isinstance(value, dict):
        return {"replay": entry.replay, "ok": True, **value, "error": None}
    error = error_of(value) or ParserFailed(str(value))
    return _failed(entry.replay, Failure.of(error))


def _refusal(one: NotSent | NoMatch) -> Answer | NoMatch:
    return one if isinstance(one, NoMatch) else Answer(_failed(one.replay, one.failure))


def _failed(replay: str, failure: Failure) -> JsonObject:
    return Outcome(replay=replay, task_id="", failure=failure).to_json()
