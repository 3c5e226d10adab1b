"""What must be known of a task wherever it runs next: who has it, how often it began, its end."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import redis

from parsekit.errors import StorageUnavailable
from parsekit.worker.redis import keys
from parsekit.worker.redis.liveness import ALIVE


class Admission(Enum):
    """What to do with a delivery of a task.

    ``BEGUN``: go, after a run that never ended; ``CUT_SHORT``: go, after one that never ended and
    had begun to parse; ``AGAIN``: go, after one that had and did. ``CANCELLED``: somebody asked for
    its end; ``REVOKED``: so did a remote command of Celery's, and nothing was published.
    ``OTHER_CALL``: the id is that of a call for another replay.
    """

    GO = "go"
    BEGUN = "begun"
    AGAIN = "again"
    CUT_SHORT = "cut short"
    BUSY = "busy"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    REVOKED = "revoked"
    OTHER_CALL = "other call"

    @property
    def may_run(self) -> bool:
        """Whether the run is ours."""
        return self in (Admission.GO, Admission.BEGUN, Admission.AGAIN, Admission.CUT_SHORT)


#: Fact of a task whose end was reported.
REPORTED = "reported"
#: What was read of a task when its run began is still good for so long, seconds: who cancels a task
#: that ends so soon comes too late.
_FRESH_S = 0.25

#: KEYS task, result; ARGV run, member, seconds to keep, the result to be read now ("" none),
#: how the name begins of a member that was killed ("" none), and the call. A run of the same member
#: is over: only word of its end did not get through. Results are written by us alone and begin with
#: their state. Answers an admission, and whether the end of the task was reported.
_ADMIT = f"""
{ALIVE}
local facts = redis.call('HMGET', KEYS[1],
  'finished', 'cancelled', 'run', 'member', 'reported', 'attempts', 'survived', 'call', 'revoked')
local reported = facts[5] and 1 or 0
if facts[8] and facts[8] ~= ARGV[6] then return {{'other call', reported}} end
if facts[1] then return {{'finished', reported}} end
if facts[2] then return {{'cancelled', reported}} end
if facts[3] and facts[4] ~= ARGV[2] and alive(facts[4]) then
  local killed = ARGV[5] ~= '' and string.find(facts[4], ARGV[5], 1, true) == 1
  if not killed then return {{'busy', reported}} end
end
local read = ARGV[4] ~= '' and redis.call('GETRANGE', KEYS[2], 0, 18)
if facts[9] or read == '{{"status": "REVOKED' then return {{'revoked', reported}} end
join(ARGV[2])
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'member', ARGV[2], 'call', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('SETEX', KEYS[2], ARGV[3], ARGV[4])
  redis.call('PUBLISH', KEYS[2], ARGV[4])
end
local before = facts[6] and 'cut short' or facts[7] and 'again' or facts[3] and 'begun'
return {{before or 'go', reported}}
"""
#: KEYS task: a parse was begun, and its process survived it.
_SURVIVED = """
redis.call('HSET', KEYS[1], 'survived', 1)
return redis.call('HDEL', KEYS[1], 'attempts')
"""
#: KEYS task; ARGV run, then facts to set.
_END_RUN = """
for i = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], 1) end
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'run', 'member')
end
return 1
"""
#: KEYS task; ARGV seconds to keep, and the fact for which no further run begins.
_CALL_OFF = """
if redis.call('HEXISTS', KEYS[1], 'finished') == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""


@dataclass(slots=True)
class _Run:
    """A run of this process, and ``mark``, which no other has.

    At ``began`` its task ``was_reported`` or not, and not cancelled.
    """

    mark: str
    call: str
    began: float
    was_reported: bool = False

    @property
    def is_known(self) -> bool:
        """Whether nobody needs to be asked; a process that was frozen meanwhile has to ask."""
        return self.was_reported or time.monotonic() - self.began < _FRESH_S


class TaskStore:
    """One hash a task in Redis. ``member_id`` is this process in `membership`.

    Also the `CrashCounter` and, through `TaskReports`, the `Reports` of the pipeline. ``queues`` is
    the Redis of the tasks that wait, where they wait in one. What is known of a task is forgotten
    ``expires_s`` after its last step.
    """

    def __init__(
        self,
        client: redis.Redis,
        member_id: str,
        queues: redis.Redis | None = None,
        *,
        expires_s: int = 86_400,
    ) -> None:
        self._client = client
        self._queues = queues
        self._member_id = member_id
        self._expires_s = expires_s
        self._runs: dict[str, _Run] = {}
        self._numbers = itertools.count()
        #: Of runs that are over, and that the server may take to be on: their tasks.
        self._late: dict[str, str] = {}
        self._counted: set[str] = set()
        self._guard = threading.Lock()

    def admit(
        self, task_id: str, call: str = "", *, started: str = "", killed: str = ""
    ) -> Admission:
        """Begin a run, in one step among all workers.

        One that may run is ours until `release`; `BUSY`: a live process has it. ``call`` names the
        call. ``started`` is what callers are to read of the task from now on; "" changes nothing.
        ``killed`` is how the name of a process begins whose run is over, though others don't know
        yet that it is dead.
        """
        run = _Run(f"{self._member_id}/{next(self._numbers)}", call, time.monotonic())
        with self._guard:
            if (known := self._runs.get(task_id)) is not None:
                return Admission.BUSY if known.call == call else Admission.OTHER_CALL
            self._runs[task_id] = run
        admission = None
        try:
            given = run.mark, started, killed, call
            admission, run.was_reported = self._admission(task_id, *given)
        finally:
            if admission is None or not admission.may_run:
                del self._runs[task_id]
            if admission is None:  # it may be ours all the same
                self._late[run.mark] = task_id
        return admission

    def _admission(self, task_id: str, mark: str, *given: str) -> tuple[Admission, bool]:
        names = [keys.task(task_id), keys.result(task_id)]
        arguments = [mark, self._member_id, str(self._expires_s), *given]
        admission, was_reported = self._client.eval(_ADMIT, 2, *names, *arguments)
        return Admission(admission.decode()), bool(was_reported)

    def release(self, task_id: str) -> None:
        """End our run."""
        self._end_run(task_id)

    def finish(self, task_id: str) -> None:
        """Remember that the final result is stored, and end our run."""
        self._end_run(task_id, "finished")

    def _end_run(self, task_id: str, *facts: str) -> None:
        run = self._runs.pop(task_id, None)
        if run is None:
            self._client.eval(_END_RUN, 1, keys.task(task_id), "", *facts)
            return
        if run.was_reported:
            facts = (*facts, REPORTED)
        try:
            self._client.eval(_END_RUN, 1, keys.task(task_id), run.mark, *facts)
        except BaseException:
            self._late[run.mark] = task_id
            raise

    def release_late(self) -> None:
        """End runs of which the server did not hear that they are over. Raises redis.RedisError.

        Else a task that came back is busy to all others for as long as this process lives.
        """
        for mark, task_id in list(self._late.items()):
            self._client.eval(_END_RUN, 1, keys.task(task_id), mark)
            self._late.pop(mark, None)

    def forget_run(self, task_id: str) -> None:
        """Forget our run: the result store has written the end, in this same Redis."""
        self._runs.pop(task_id, None)

    def cancel(self, task_id: str) -> bool:
        """End the run that is on, and let no further one begin; False when the task has ended."""
        return self._call_off(task_id, "cancelled")

    def revoke(self, task_id: str) -> bool:
        """Let no further run begin; False when the task has ended."""
        return self._call_off(task_id, "revoked")

    def _call_off(self, task_id: str, fact: str) -> bool:
        if not self._client.eval(_CALL_OFF, 1, keys.task(task_id), self._expires_s, fact):
            return False
        self._hasten(task_id)
        return True

    def _hasten(self, task_id: str) -> None:
        """Let a task that waits in a Redis go on at once, to its end."""
        if self._queues is not None:
            for due in (keys.DUE, keys.BULK_DUE):
                self._queues.zadd(due, {task_id: 0}, xx=True)

    def hasten_if_called_off(self, task_id: str) -> None:
        """Let a task go on to its end that was called off just before it began to wait."""
        if self.called_off(task_id):
            self._hasten(task_id)

    def called_off(self, task_id: str) -> bool:
        """Whether no further run of it is to begin, as it was cancelled or revoked."""
        return any(self._client.hmget(keys.task(task_id), ["cancelled", "revoked"]))

    def cancelled(self, task_id: str) -> bool:
        """Whether the run that is on is to end as well."""
        return bool(self._client.hexists(keys.task(task_id), "cancelled"))

    def reset(self, task_id: str) -> None:
        """Forget all about the task."""
        self._client.delete(keys.task(task_id))

    def begin(self, task_id: str) -> int:
        """Count one more attempt. Raises `StorageUnavailable`."""
        try:
            with self._client.pipeline() as pipe:
                self._counted.add(task_id)
                pipe.hincrby(keys.task(task_id), "attempts", 1)
                pipe.expire(keys.task(task_id), self._expires_s)
                return int(pipe.execute()[0])
        except redis.RedisError as exc:
            raise StorageUnavailable(f"attempts can't be counted in Redis: {exc}") from exc

    def before(self, task_id: str) -> Admission:
        """How far runs came of a task that is not to run any more."""
        facts = self._client.hmget(keys.task(task_id), ["attempts", "survived", "run"])
        found = zip((Admission.CUT_SHORT, Admission.AGAIN, Admission.BEGUN), facts, strict=True)
        return next((admission for admission, fact in found if fact is not None), Admission.GO)

    def clear(self, task_id: str) -> None:
        """Forget the attempts; a task that began nothing here has none of ours to forget."""
        if task_id in self._counted:
            self._client.eval(_SURVIVED, 1, keys.task(task_id))
            self._counted.discard(task_id)

    def was_reported(self, task_id: str, what: str = REPORTED) -> bool:
        """Whether ``what``, the end of this task by default, was reported before."""
        run = self._runs.get(task_id)
        if what == REPORTED and run is not None and run.is_known:
            return run.was_reported
        return bool(self._client.hexists(keys.task(task_id), what))

    def was_reported_or_cancelled(self, task_id: str) -> bool:
        """Either of the two, of a run of ours."""
        run = self._runs.get(task_id)
        if run is not None and run.is_known:
            return run.was_reported
        return any(self._client.hmget(keys.task(task_id), [REPORTED, "cancelled"]))

    def mark_reported(self, task_id: str, what: str = REPORTED) -> None:
        """Remember that ``what`` was reported; the end of a task is written with its run's."""
        run = self._runs.get(task_id)
        if what == REPORTED and run is not None:
            run.was_reported = True
            return
        self._client.hset(keys.task(task_id), what, 1)


class TaskReports:
    """The pipeline's `Reports`: a task that is cancelled ends with nothing but that."""

    def __init__(self, task_store: TaskStore) -> None:
        self._store = task_store
        self._reporting: dict[tuple[str, int], str] = {}
        self._suppressed: set[str] = set()

    def was_reported(self, task_id: str) -> bool:
        """Whether the end was reported, or is going to be as a cancellation."""
        what = self._reporting.get((task_id, threading.get_ident()))
        if what is not None:
            return self._store.was_reported(task_id, what)
        suppressed = self._store.was_reported_or_cancelled(task_id)
        if suppressed:
            self._suppressed.add(task_id)
        return suppressed

    def was_suppressed(self, task_id: str) -> bool:
        """Whether the end that just came was not published; asked once, and then forgotten."""
        suppressed = task_id in self._suppressed
        self._suppressed.discard(task_id)
        return suppressed

    def mark_reported(self, task_id: str) -> None:
        """Remember that the end of this task was reported."""
        self._store.mark_reported(
            task_id, self._reporting.get((task_id, threading.get_ident()), REPORTED)
        )

    @contextmanager
    def reporting(self, task_id: str, what: str = REPORTED) -> Iterator[None]:
        """What this thread publishes of the task in the block is no end that its run came to.

        It is how others ended it, or ``what`` is published beside that.
        """
        place = task_id, threading.get_ident()
        self._reporting[place] = what
        try:
            yield
        finally:
            del self._reporting[place]
