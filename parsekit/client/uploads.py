"""Replays on their way to the service: those that are files here go into the storage first."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from parsekit.batch.in_order import in_order
from parsekit.batch.inputs import Input, NoMatch
from parsekit.client.manifest import Entry, Manifest
from parsekit.client.targets import Key, expand
from parsekit.errors import ParsekitError, ReplayNotFound
from parsekit.model import Failure
from parsekit.providers import Storage
from parsekit.records.audit_trail import AuditedStorage, Operation, Operations
from parsekit.storage.keys import checked_key
from parsekit.storage.open import make_storage
from parsekit.storage.sources import LocalReplay
from parsekit.worker.process import service

#: Replays that are read and uploaded at once; each is in memory, `limits.replay_bytes` at most.
UPLOADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """A replay that can't be sent, and why. No manifest keeps it, so that a repeat tries again."""

    replay: str
    failure: Failure


def count_unended(names: Iterable[str], manifest: Manifest) -> int:
    """How many replays `Uploads.entries` will answer; it looks through all arguments."""
    found = (one for one in expand(names) if not isinstance(one, NoMatch))
    return sum(not manifest.ended(one.replay) for one in found)


class Uploads:
    """Makes entries of what a user names, over one storage; for the length of a block."""

    def __init__(self, manifest: Manifest, audit: Operations) -> None:
        self._manifest = manifest
        self._audit = audit
        self._lock = Lock()
        self._storage: Storage | None = None

    def __enter__(self) -> Uploads:
        return self

    def __exit__(self, *_: object) -> None:
        if self._storage is not None:
            self._storage.close()

    def entries(self, names: Iterable[str]) -> Iterator[Entry | NotSent | NoMatch]:
        """What has not ended before, in the order of its names; new files are uploaded.

        Of what is new the manifest knows before it is answered. Raises what the storage says that
        it would say to every other replay, too.
        """
        for one in in_order(self._made, self._unended(names), jobs=UPLOADS, stop=Event()):
            if isinstance(one, Entry) and not self._manifest.knows(one):
                self._manifest.begin(one)
            yield one

    def _unended(self, names: Iterable[str]) -> Iterator[Key | Input | Entry | NoMatch]:
        for one in expand(names):
            if isinstance(one, NoMatch):
                yield one
            elif not self._manifest.ended(one.replay):
                yield self._manifest.find(one.replay) or one

    def _made(self, one: Key | Input | Entry | NoMatch) -> Entry | NotSent | NoMatch:
        """The task of a replay, which is in the storage then."""
        if isinstance(one, Entry | NoMatch):
            return one
        task_id = str(uuid.uuid4())
        try:
            if isinstance(one, Key):
                key = checked_key(one.replay)
                self._refuse_missing(key, task_id)
                return Entry(replay=one.replay, key=key, task_id=task_id)
            body = LocalReplay(Path(one.replay)).read(service.config.limits.replay_bytes)
        except ParsekitError as exc:
            return NotSent(replay=one.replay, failure=Failure.of(exc))
        key = self._uploaded(one, body, task_id)
        return Entry(replay=one.replay, key=key, task_id=task_id)

    def _refuse_missing(self, key: str, task_id: str) -> None:
        """Raise `ReplayNotFound` for a key that is not there: mostly a path with a typing error.

        A storage that can't be asked is the worker's business.
        """
        with self._audit.doing(task_id=task_id, replay=key) as operation:
            try:
                self._stored(operation).head(key)
            except ReplayNotFound:
                text = f"{key} is neither a file on this machine nor a key in the storage"
                raise ReplayNotFound(text) from None
            except ParsekitError as exc:
                operation.fault = exc.message

    def _uploaded(self, file: Input, body: bytes, task_id: str) -> str:
        """Put a file into the storage under its hash, unless it is there already."""
        key = f"replays/{hashlib.sha256(body).hexdigest()}.replay"
        with self._audit.doing(task_id=task_id, replay=file.replay) as operation:
            operation.trail.record("read", file.replay)
            self._stored(operation).write(key, body, replace=False)
        return key

    def _stored(self, operation: Operation) -> AuditedStorage:
        """The storage, with its use on record; made when it is first needed.

        Who sends keys alone may have no access to it. Raises `ConfigInvalid`.
        """
        with self._lock:
            if self._storage is None:
                self._storage = make_storage(service.host, service.config, service.data_dir)
        return AuditedStorage(self._storage, operation.trail)
