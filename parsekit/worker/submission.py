"""Send many replays to the service, a bounded number at a time, and take their outcomes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import states

from parsekit.audit import Operations, Trail, WatchedStorage
from parsekit.errors import ReplayNotFound, ReplayTooLarge
from parsekit.keys import checked_key
from parsekit.model import JsonObject
from parsekit.sources import sha256_of
from parsekit.storing import make_storage
from parsekit.worker import caller
from parsekit.worker.manifest import Entry, Manifest
from parsekit.worker.service import service

#: So many tasks of one `submit` are in the service at once: the queue stays short, whatever the
#: size of the back-fill, and what is not sent yet can be stopped by stopping to send.
WINDOW = 200
#: Between two looks at the tasks under way, seconds.
_LOOK_SECONDS = 0.2

#: Told when a task's state changes: its entry, the state, and why it waits.
Follow = Callable[[Entry, str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one task ended, in the form of ``--format jsonl``."""

    entry: Entry
    outcome: JsonObject


def expand(names: Iterable[str]) -> Iterator[str]:
    """Every file of every folder; anything else as it is, a file or a key in the storage."""
    for name in names:
        path = Path(name)
        if path.is_dir():
            yield from (str(file) for file in sorted(path.rglob("*.replay")))
        else:
            yield name


def send_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool
) -> Iterator[Entry]:
    """Send without waiting for anything."""
    for entry in _entries(names, manifest, audit):
        _send(entry, audit, bulk)
        yield entry


def answer_all(
    names: Iterable[str], manifest: Manifest, audit: Operations, *, bulk: bool, follow: Follow
) -> Iterator[Answer]:
    """Send, and answer each task when it has ended, in the order in which they end."""
    supply = _entries(names, manifest, audit)
    under_way: dict[Entry, _Watched] = {}
    exhausted = False
    while under_way or not exhausted:
        while not exhausted and len(under_way) < WINDOW:
            entry = next(supply, None)
            exhausted = entry is None
            if entry is not None:
                under_way[entry] = _Watched(_send(entry, audit, bulk))
        ended = [entry for entry, watched in under_way.items() if watched.look(entry, follow)]
        for entry in ended:
            outcome = _outcome(entry, under_way.pop(entry).result)
            manifest.end(entry, outcome)
            yield Answer(entry=entry, outcome=outcome)
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


def _entries(names: Iterable[str], manifest: Manifest, audit: Operations) -> Iterator[Entry]:
    """What is still to do, with a task id that is on disk before the task is sent."""
    for name in expand(names):
        known = manifest.find(name)
        if known is None:
            task_id = str(uuid.uuid4())
            known = Entry(replay=name, key=_key(name, task_id, audit), task_id=task_id)
            manifest.begin(known)
        if not manifest.ended(known):
            yield known


def _key(name: str, task_id: str, audit: Operations) -> str:
    """The key of a replay in the storage; a local file is put there first."""
    path = Path(name)
    if not path.is_file():
        if name.startswith(("/", "./", "../", "~")):
            raise ReplayNotFound(f"{name}: there is no such file")
        return checked_key(name)
    limit = service.config.limits.replay_bytes
    if path.stat().st_size > limit:
        raise ReplayTooLarge(f"{name}: is larger than limits.replay_bytes ({limit})")
    with audit.doing(task_id=task_id, replay=name) as operation:
        return _uploaded(path, operation.trail)


def _uploaded(path: Path, trail: Trail) -> str:
    """Put a file into the storage under its hash, unless it is there already."""
    trail.note("read", str(path))
    key = f"replays/{sha256_of(path)}.replay"
    storage = make_storage(service.host, service.config, service.data_dir)
    try:
        WatchedStorage(storage, trail).write(key, path.read_bytes(), replace=False)
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
    code = str(
        getattr(value, "code", "cancelled" if meta["status"] == states.REVOKED else "parser_failed")
    )
    error = {
        "code": code,
        "message": str(value),
        "retryable": bool(getattr(value, "retryable", False)),
    }
    return {
        "replay": entry.replay,
        "ok": False,
        "cached": False,
        "hash": "",
        "parser": "",
        "parserVersion": "",
        "outputPath": None,
        "data": None,
        "error": error,
        "timings": {"getMs": 0, "parseMs": 0, "putMs": 0, "totalMs": 0},
        "replayKb": 0.0,
    }
