"""Send many replays to the service, a bounded number at a time, and take their outcomes."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import states

from parsekit.audit import Operations, WatchedStorage
from parsekit.errors import ParsekitError, ParserFailed
from parsekit.inputs import Barren, Input
from parsekit.keys import checked_key
from parsekit.model import Failure, JsonObject, Outcome
from parsekit.sources import LocalReplay
from parsekit.storing import make_storage
from parsekit.worker import caller
from parsekit.worker.ends import error_of
from parsekit.worker.manifest import Entry, Manifest
from parsekit.worker.named import Key, expand
from parsekit.worker.service import service

#: So many tasks of one `submit` are in the service at once: the queue stays short, whatever the
#: size of the back-fill, and what is not sent yet can be stopped by stopping to send.
WINDOW = 200
#: Between two looks at the tasks under way, seconds.
_LOOK_SECONDS = 0.2

#: Told when a task's state changes: its entry, the state, and why it waits.
Follow = Callable[[Entry, str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A replay that can't be sent, and why. No manifest keeps it, so that a repeat tries again."""

    replay: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Answer:
    """How one replay ended, in the form of ``--format jsonl``."""

    outcome: JsonObject


def send_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool
) -> Iterator[Entry | Unsent | Barren]:
    """Send without waiting for anything; what can't be sent is told and stops nothing.

    Raises what storage or broker say, which they would say to every other replay, too.
    """
    for one in _entries(names, manifest, audit):
        if isinstance(one, Entry):
            _send(one, audit, bulk)
        yield one


def answer_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool, follow: Follow
) -> Iterator[Answer | Barren]:
    """Send, and answer each task when it has ended, in the order in which they end.

    What can't be sent is answered at once. Raises as `send_all`.
    """
    supply = _entries(names, manifest, audit)
    under_way: dict[Entry, _Watched] = {}
    exhausted = False
    while under_way or not exhausted:
        while not exhausted and len(under_way) < WINDOW:
            one = next(supply, None)
            if one is None:
                exhausted = True
            elif isinstance(one, Entry):
                under_way[one] = _Watched(_send(one, audit, bulk))
            else:
                yield _refusal(one)
        ended = [entry for entry, watched in under_way.items() if watched.look(entry, follow)]
        for entry in ended:
            outcome = _outcome(entry, under_way.pop(entry).result)
            manifest.end(entry, outcome)
            yield Answer(outcome)
        if not ended:
            time.sleep(_LOOK_SECONDS)


class _Watched:
    """A task under way, and what was told of it last."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self._told = ("", "")

    def look(self, entry: Entry, follow: Follow) -> bool:
        """Tell a change; answer whether the task has ended."""
        meta = self.result.backend.get_task_meta(self.result.id, cache=False)
        state = str(meta["status"])
        about = meta["result"] if state == "WAITING" else None
        told = (state, str(about.get("reason", "")) if isinstance(about, dict) else "")
        if told != self._told:
            self._told = told
            follow(entry, *told)
        return state in states.READY_STATES


def _entries(
    names: Iterable[str], manifest: Manifest, audit: Operations
) -> Iterator[Entry | Unsent | Barren]:
    """What is still to do, with a task id that is on disk before the task is sent."""
    for one in expand(names):
        if isinstance(one, Barren):
            yield one
            continue
        entry = manifest.find(one.replay)
        if entry is None:
            made = _made(one, audit)
            if isinstance(made, Unsent):
                yield made
                continue
            manifest.begin(made)
            entry = made
        if not manifest.ended(entry):
            yield entry


def _made(one: Key | Input, audit: Operations) -> Entry | Unsent:
    """The task of a replay, which is in the storage then."""
    task_id = str(uuid.uuid4())
    limit = service.config.limits.replay_bytes
    try:
        if isinstance(one, Key):
            return Entry(replay=one.replay, key=checked_key(one.replay), task_id=task_id)
        body = LocalReplay(Path(one.replay)).read(limit)
    except ParsekitError as exc:
        return Unsent(replay=one.replay, failure=Failure.of(exc))
    return Entry(replay=one.replay, key=_uploaded(one, body, task_id, audit), task_id=task_id)


def _uploaded(file: Input, body: bytes, task_id: str, audit: Operations) -> str:
    """Put a file into the storage under its hash, unless it is there already."""
    key = f"replays/{hashlib.sha256(body).hexdigest()}.replay"
    with audit.doing(task_id=task_id, replay=file.replay) as operation:
        operation.trail.note("read", file.replay)
        storage = make_storage(service.host, service.config, service.data_dir)
        try:
            WatchedStorage(storage, operation.trail).write(key, body, replace=False)
        finally:
            storage.close()
    return key


def _send(entry: Entry, audit: Operations, bulk: bool) -> Any:
    return caller.send({"replayObjectPath": entry.key}, entry.task_id, audit, bulk=bulk)


def _outcome(entry: Entry, result: Any) -> JsonObject:
    meta = result.backend.get_task_meta(result.id)
    value = result.result
    if meta["status"] == states.SUCCESS and isinstance(value, dict):
        return {"replay": entry.replay, "ok": True, **value, "error": None}
    error = error_of(value) or ParserFailed(str(value))
    return _failed(entry.replay, Failure.of(error))


def _refusal(one: Unsent | Barren) -> Answer | Barren:
    return one if isinstance(one, Barren) else Answer(_failed(one.replay, one.failure))


def _failed(replay: str, failure: Failure) -> JsonObject:
    return Outcome(replay=replay, task_id="", failure=failure).to_json()
