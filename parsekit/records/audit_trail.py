"""What was done, for the audit: for whom, what was touched, and where things were sent.

A run of a task publishes it with `audit_event`; what a user does by a command that is no task's run
goes through `Operations`.
"""

from __future__ import annotations

import os
import platform
import pwd
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from parsekit.clock import Clock
from parsekit.errors import ParsekitError
from parsekit.events import Acts, AuditEvent
from parsekit.host.host import Host
from parsekit.host.listeners import Listeners
from parsekit.host.session import Session
from parsekit.model import Failure, Request
from parsekit.providers import ObjectInfo, Storage
from parsekit.redaction.secrets import cleaned, cleaned_name

#: The result of an operation that failed in a way that has no published code, or changed nothing.
FAILED = "failed"
#: What listeners get to write the last record when a command ends, seconds.
_CLOSE_S = 2.0


class AuditTrail:
    """What a task did since the last record, in order, each thing once."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], None] = {}

    def record(self, act: str, what: str) -> None:
        """``act`` is a field of `Acts`; ``what`` a key, an address or a name, and no secret."""
        self._done[act, cleaned_name(what)] = None

    def __bool__(self) -> bool:
        return bool(self._done)

    def drain(self) -> Acts:
        """Return all acts, and forget them."""
        done, self._done = self._done, {}

        def of(act: str) -> tuple[str, ...]:
            return tuple(what for kind, what in done if kind == act)

        return Acts(
            looked_at=of("looked_at"),
            read=of("read"),
            written=of("written"),
            removed=of("removed"),
            sent=of("sent"),
        )


@dataclass(frozen=True, slots=True)
class AuditedStorage:
    """A storage whose use by one task is noted: reads that begin, and writes that were done."""

    storage: Storage
    trail: AuditTrail

    @property
    def results_prefix(self) -> str:
        """The storage's own."""
        return self.storage.results_prefix

    def head(self, key: str) -> ObjectInfo:
        """Note a look."""
        self.trail.record("looked_at", key)
        return self.storage.head(key)

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Note a read, also one that is broken off: part of the object was here."""
        self.trail.record("read", key)
        return self.storage.fetch(key, target, max_bytes=max_bytes)

    def read(self, key: str) -> bytes | None:
        """Note a read of something that is there."""
        body = self.storage.read(key)
        if body is not None:
            self.trail.record("read", key)
        return body

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Note a write that took place."""
        written = self.storage.write(key, body, replace=replace)
        if written:
            self.trail.record("written", key)
        return written

    def delete(self, key: str) -> None:
        """Note a removal."""
        self.storage.delete(key)
        self.trail.record("removed", key)

    def close(self) -> None:
        """Nothing: the storage is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """How a task stands: ``result`` is "ok", "waiting", "running", or the code of its error."""

    result: str
    parser: str = ""
    parser_version: str = ""
    hash: str = ""
    cached: bool = False
    failure: Failure | None = None


def audit_event(request: Request, acts: Acts, status: TaskStatus, now_unix: float) -> AuditEvent:
    """The record."""
    return AuditEvent(
        at_unix=now_unix,
        caller=cleaned(request.caller) or local_caller("python"),
        task_id=request.task_id,
        replay=request.shown,
        acts=acts,
        result=status.result,
        error=status.failure.message if status.failure else None,
        parser=status.parser,
        parser_version=status.parser_version,
        hash=status.hash,
        cached=status.cached,
    )


def operation_event(
    caller: str, *, replay: str, written: Iterable[str], removed: Iterable[str]
) -> AuditEvent:
    """The record of something that was done and is no task's run."""
    trail = AuditTrail()
    for what in written:
        trail.record("written", what)
    for what in removed:
        trail.record("removed", what)
    return AuditEvent(
        at_unix=Clock().now(),
        caller=cleaned(caller),
        task_id="",
        replay=cleaned_name(replay),
        acts=trail.drain(),
        result="ok",
    )


@dataclass(slots=True)
class Operation:
    """One thing that a command does. ``fault`` says why it was in vain, "" while it is not."""

    replay: str = ""
    trail: AuditTrail = field(default_factory=AuditTrail)
    fault: str = ""
    code: str = FAILED

    def failed(self, error: BaseException) -> None:
        """Take over what an exception says."""
        self.fault = str(error) or type(error).__name__
        if isinstance(error, ParsekitError):
            self.code = getattr(error, "code", FAILED)  # the root of all errors has none


class Operations:
    """What a user does by a command, published to the audit's listeners as runs of tasks are.

    Of a command that does many things, ``at_once`` are on record together, and the last ones with
    `flush`. May be used from several threads.
    """

    def __init__(
        self,
        listeners: Listeners,
        command: str,
        clock: Clock | None = None,
        *,
        at_once: int = 1,
    ) -> None:
        self._listeners = listeners
        self._caller = local_caller(f"cli {command}")
        self._clock = clock or Clock()
        self._at_once = at_once
        self._lock = threading.Lock()
        self._done: list[AuditEvent] = []

    @contextmanager
    def doing(self, *, task_id: str = "", replay: str = "") -> Iterator[Operation]:
        """The block does one thing, which is on record after it; also when it raises."""
        operation = Operation(replay)
        try:
            yield operation
        except BaseException as exc:
            operation.failed(exc)
            raise
        finally:
            self._keep(self._record(operation, task_id))

    def flush(self) -> None:
        """Have everything on record that was done."""
        with self._lock:
            done, self._done = self._done, []
        self._listeners.deliver(*done)

    def _keep(self, event: AuditEvent) -> None:
        with self._lock:
            self._done.append(event)
            many = len(self._done) >= self._at_once
        if many:
            self.flush()

    def _record(self, operation: Operation, task_id: str) -> AuditEvent:
        return AuditEvent(
            at_unix=self._clock.now(),
            caller=self._caller,
            task_id=task_id,
            replay=cleaned_name(operation.replay),
            acts=operation.trail.drain(),
            result=operation.code if operation.fault else "ok",
            error=cleaned(operation.fault) or None,
        )


@contextmanager
def on_record(
    host: Host, session: Session, command: str, *, at_once: int = 1
) -> Iterator[Operations]:
    """Let a driver do things on record; ``command`` is named with the user who gave it."""
    listeners = Listeners(host)
    listeners.open(session)
    operations = Operations(listeners, command, at_once=at_once)
    try:
        yield operations
    finally:
        operations.flush()
        listeners.close(_CLOSE_S)


@contextmanager
def recorded(session: Session, command: str) -> Iterator[Operation]:
    """Have a plugin's command on record: the block is the whole of it; also when it raises.

    ``operation.trail.record("sent", "token to https://…")`` says what it did; the others are
    ``looked_at``, ``read``, ``written`` and ``removed``.
    """
    with on_record(Host.load(), session, command) as operations, operations.doing() as operation:
        yield operation


@cache
def local_caller(role: str) -> str:
    """Who runs this program: ``cli ann@host``. The system is asked, not the environment."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{role} {user}@{platform.node()}"


def addressees(queue: str | None) -> Iterable[str]:
    """Where the end of a task is published; ``queue`` is the caller's progress queue."""
    return ("analytics",) if queue is None else (f"progress queue {queue}", "analytics")
