"""A second parser beside the first: its result is compared, and never given to the caller.

The primary answers first. Then one background thread of this process takes the same replay through
the shadow parser, in child processes of the lowest priority, and publishes to listeners how the two
results differ. What the shadow can't take now is skipped and counted; whatever goes wrong with it
is logged and counted. Nothing waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.errors import (
    Cancelled,
    ConfigInvalid,
    ParsekitError,
    RemoteTimeout,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.events import Answerer, AuditEvent, DifferenceEvent
from parsekit.json_text import JsonData
from parsekit.model import Job, NotReady, Parsed, Replay, Request
from parsekit.parsers.runner import Parsers
from parsekit.providers import ParserEntry, Storage
from parsekit.records.audit_trail import AuditedStorage, AuditTrail, TaskStatus, audit_event
from parsekit.shadow.budget import FILE_NAME, RateBudget
from parsekit.shadow.compare import TooManyValues, compare
from parsekit.storage.fetch import fetch
from parsekit.storage.results import Result, ResultName, ResultStore
from parsekit.storage.signing import Signer
from parsekit.storage.sources import open_source
from parsekit.storage.workspace import workspace

log = logging.getLogger("parsekit.shadow")

#: Replays an hour where ``shadow_per_hour`` is not set: a local shadow takes a few percent of a
#: core; a remote one 42 replays a week, of the 70 that a free Ballchasing account may upload.
LOCAL_PER_HOUR, REMOTE_PER_HOUR = 60.0, 0.25
#: How long a remote shadow may be pending, seconds.
DEADLINE_S = 1800.0
#: Shortest wait of a shadow that is not ready, seconds: one that says "now" must not spin.
_MIN_WAIT_S = 0.2


#: What became of a fresh result; the fields of `ShadowTally`.
Fate = Literal["compared", "busy", "over_budget", "failed", "unfinished"]


@dataclass(frozen=True, slots=True)
class ShadowTally:
    """What became of the fresh results of this process.

    ``busy`` were skipped as a shadow was at work, ``over_budget`` as ``shadow_per_hour`` was used
    up, ``unfinished`` were stopped.
    """

    compared: int = 0
    busy: int = 0
    over_budget: int = 0
    failed: int = 0
    unfinished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A result that the primary has just made.

    ``replay`` is its file where it is at hand, in a folder that ``keeping`` removes when it is
    closed: whoever holds this value closes it. ``use_stored`` allows a stored result of the shadow.
    """

    request: Request
    result: Result
    replay: Replay | None
    keeping: ExitStack = field(default_factory=ExitStack)
    use_stored: bool = True


class _Skipped(Exception):
    """This replay is not compared."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(fate)
        self.fate = fate


class Shadow:
    """The shadow parser of one process, at work on one replay at a time. Make it after a fork."""

    def __init__(
        self,
        *,
        entry: ParserEntry,
        parsers: Parsers,
        storage: Storage,
        publish: Callable[[DifferenceEvent], None],
        budget: RateBudget,
        max_bytes: int,
        clock: Clock,
        signer: Signer | None = None,
        audit: Callable[[AuditEvent], None] | None = None,
    ) -> None:
        self._entry = entry
        self._parsers = parsers
        self._trail = AuditTrail()
        self._storage = AuditedStorage(storage, self._trail)
        self._results = ResultStore(self._storage, signer)
        self._publish = publish
        self._audit = audit
        self._budget = budget
        self._max_bytes = max_bytes
        self._clock = clock
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._tally = ShadowTally()
        self._at_work: Fresh | None = None

    @classmethod
    def of(
        cls,
        config: Config,
        parsers: Parsers,
        storage: Storage,
        publish: Callable[[DifferenceEvent], None],
        data_dir: Path,
        signer: Signer | None = None,
        audit: Callable[[AuditEvent], None] | None = None,
    ) -> Shadow | None:
        """The shadow that the configuration names; one that is unknown is logged, no more."""
        name, clock = config.host.shadow, Clock()
        if name is None:
            return None
        try:
            entry = parsers.entry(name)
        except ConfigInvalid as error:
            log.warning("no shadow: %s", error)
            return None
        default = LOCAL_PER_HOUR if entry.runs == "local" else REMOTE_PER_HOUR
        given = config.host.shadow_per_hour
        per_hour = default if given is None else given
        return cls(
            entry=entry,
            parsers=parsers,
            storage=storage,
            publish=publish,
            budget=RateBudget(data_dir / FILE_NAME, per_hour, clock.now),
            max_bytes=config.limits.replay_bytes,
            clock=clock,
            signer=signer,
            audit=audit,
        )

    @property
    def name(self) -> str:
        """The parser's name."""
        return self._entry.name

    @property
    def tally(self) -> ShadowTally:
        """What became of the results so far."""
        return self._tally

    def offer(self, fresh: Fresh) -> None:
        """Compare this result in the background, or skip it; returns at once, raises nothing."""
        if not self._takes(fresh):
            fresh.keeping.close()
            return
        self._at_work = fresh
        try:
            thread = threading.Thread(
                target=self._serve, args=(fresh,), daemon=True, name="parsekit-shadow"
            )
            thread.start()
        except RuntimeError as exc:  # the system has no thread left
            log.warning("shadow %s: %s", self.name, exc)
            self._count("failed")
            self._leave(fresh)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is at work; False when that takes longer."""
        return self._idle.wait(seconds)

    def stop(self) -> None:
        """Take nothing more, and end what is at work as soon as it looks up."""
        self._stop.set()

    def abandon(self) -> None:
        """Remove the files of what is at work still; its thread ends with the process."""
        fresh = self._at_work
        if fresh is not None:
            fresh.keeping.close()

    def _takes(self, fresh: Fresh) -> bool:
        if fresh.result.name.parser == self.name or self._stop.is_set():
            return False
        with self._lock:
            free = self._idle.is_set()
            self._idle.clear()
        if not free:
            self._count("busy")
        return free

    def _leave(self, fresh: Fresh) -> None:
        fresh.keeping.close()
        self._at_work = None
        self._idle.set()

    def _count(self, fate: Fate) -> None:
        with self._lock:
            self._tally = replace(self._tally, **{fate: getattr(self._tally, fate) + 1})

    def _serve(self, fresh: Fresh) -> None:
        try:
            fate = self._outcome(fresh)
            self._audit_acts(fresh.request, fate)
            self._count(fate)
        finally:
            self._leave(fresh)

    def _audit_acts(self, request: Request, fate: Fate) -> None:
        """Audit what was done beside the task, which may have gone to another company."""
        if not self._trail or self._audit is None:
            return
        status = TaskStatus(
            result="ok" if fate == "compared" else fate,
            parser=self._entry.name,
            parser_version=self._entry.version,
        )
        own = replace(request, task_id=f"{request.task_id}.shadow")
        self._audit(audit_event(own, self._trail.drain(), status, self._clock.now()))

    def _outcome(self, fresh: Fresh) -> Fate:
        """Compare, and say how that went."""
        try:
            self._publish(self._difference(fresh))
        except _Skipped as skipped:
            return skipped.fate
        except (ParsekitError, TooManyValues, OSError) as exc:
            if not self._stop.is_set():
                log.warning("shadow %s: %s: %s", self.name, fresh.request.replay, exc)
        except Exception:
            if not self._stop.is_set():
                log.exception("shadow %s: %s", self.name, fresh.request.replay)
        else:
            return "compared"
        return "unfinished" if self._stop.is_set() else "failed"

    def _difference(self, fresh: Fresh) -> DifferenceEvent:
        theirs = self._theirs(fresh)
        ours = fresh.result.name
        return DifferenceEvent(
            event_id=f"{fresh.request.event_stem}.difference",
            task_id=fresh.request.task_id,
            replay=fresh.request.replay,
            hash=fresh.result.sha256,
            at_unix=self._clock.now(),
            primary=Answerer(parser=ours.parser, version=ours.version),
            shadow=Answerer(parser=self._entry.name, version=self._entry.version),
            fields=compare(fresh.result.data.value, theirs.data.value),
        )

    def _theirs(self, fresh: Fresh) -> Result:
        """The shadow's result: one that is stored, else a new one, which is stored as well."""
        name = replace(fresh.result.name, parser=self._entry.name, version=self._entry.version)
        with self._budget.acquire() as permit:
            if permit is None:
                raise _Skipped("busy")
            if fresh.use_stored and (stored := self._results.find(name).result) is not None:
                return stored
            if not permit.consume():
                raise _Skipped("over_budget")
            return self._made(fresh, name)

    def _made(self, fresh: Fresh, name: ResultName) -> Result:
        parsed = self._parsed(fresh.request, fresh.replay or self._fetched(fresh))
        result = replace(
            fresh.result,
            name=name,
            stored_unix=self._clock.now(),
            data=JsonData.of(parsed.data),
            warnings=parsed.warnings,
            tried=(),
            maker=self._parsers.maker(self._entry, parsed),
        )
        self._store(result, replace=not fresh.use_stored)
        return result

    def _store(self, result: Result, *, replace: bool) -> None:
        """Keep what a slot of a quota was spent on; who asks this parser next finds it."""
        body = self._results.encode(result)
        try:
            self._results.put(body, result, replace=replace)
        except (StorageUnavailable, StorageDenied) as error:
            log.warning("shadow %s: the result is not stored: %s", self.name, error)

    def _fetched(self, fresh: Fresh) -> Replay:
        """Fetch again: a primary that waited for an API has long let go of the file."""
        request = fresh.request
        replay = fetch(
            open_source(request, self._storage),
            request.replay,
            fresh.keeping.enter_context(workspace()),
            max_bytes=self._max_bytes,
            clock=self._clock,
        ).replay
        if replay.sha256 != fresh.result.sha256:
            raise Cancelled("the replay has changed since it was parsed")
        return replay

    def _parsed(self, request: Request, replay: Replay) -> Parsed:
        """Parse, sleeping here while the parser is not ready."""
        if self._entry.runs == "remote":
            self._trail.record("sent", f"parser {self._entry.name}")
        end = self._clock.ticks() + DEADLINE_S
        job = Job(task_id=f"{request.task_id}.shadow", bulk=True)
        answer = self._parsers.parse(self._entry, replay, job, spare=True)
        while isinstance(answer, NotReady):
            pause_s = max(_MIN_WAIT_S, answer.after_s)
            if self._clock.ticks() + pause_s > end:
                raise RemoteTimeout(f"not ready after {DEADLINE_S:g} s: {answer.reason}")
            if self._stop.wait(pause_s):
                raise Cancelled("stopped while waiting")
            job = replace(job, ticket=answer.ticket)
            if answer.needs_replay:
                answer = self._parsers.parse(self._entry, replay, job, spare=True)
            else:
                answer = self._parsers.resume(self._entry, job)
        return answer
