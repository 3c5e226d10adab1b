"""Celery's Redis results: an error has its code beside its text, and a final state stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery import states
from celery.backends.redis import RedisBackend
from redis.exceptions import ReadOnlyError

from parsekit.worker.celery_settings import STATE_EXPIRES
from parsekit.worker.messages.error_fields import (
    answer_faults_of_celery,
    with_facts,
    without_secrets,
)
from parsekit.worker.messages.result_text import meta_text
from parsekit.worker.process import service
from parsekit.worker.redis import keys
from parsekit.worker.redis.transient_errors import is_transient
from parsekit.worker.redis.transport import TAKEN_BY, settled

#: KEYS result, the task's hash, messages in a worker's hands; ARGV text, seconds to keep it (0
#: for ever), "1" when the task ends with it, seconds to keep that, tag of the message ("" none).
#: Results are written by us alone and begin with their state.
_SET_UNLESS_FINAL = """
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[2], 'finished', 1, 'reported', 1)
  redis.call('HDEL', KEYS[2], 'run', 'member')
  redis.call('EXPIRE', KEYS[2], ARGV[4])
  if ARGV[5] ~= '' then redis.call('HDEL', KEYS[3], ARGV[5]) end
end
local old = redis.call('GET', KEYS[1])
local state = old and string.match(old, '^{"status": "(%u+)"')
if state == 'SUCCESS' or state == 'FAILURE' or state == 'REVOKED' then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
"""


class RedisResults(RedisBackend):
    """What callers read under ``celery-task-meta-<task id>``, plain JSON.

    The end of a task is written in one step: its result, the end in the task store
    (`parsekit.worker.redis.task_store`), and, of a message that came through this same Redis,
    that it is settled (`parsekit.worker.redis.transport`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._state_expires = self.app.conf[STATE_EXPIRES]
        answer_faults_of_celery()

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """A server that is away comes back, one that is full has room again."""
        if isinstance(exc, ReadOnlyError):
            self.client.connection_pool.disconnect()  # it leads elsewhere by now, or will
            return True
        return is_transient(exc) or bool(super().exception_safe_to_retry(exc))

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Celery's three fields, and ours for callers that can't import our classes."""
        return with_facts(super().prepare_exception(exc, serializer), exc)

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **_: Any,
    ) -> Any:
        """Store a state, unless a final one stands there, which the caller may have read."""
        meta = self._get_result_meta(result, state, without_secrets(traceback), request)
        text = meta_text({**meta, "task_id": task_id}, result, self.encode)
        ends = state in {states.SUCCESS, states.FAILURE}
        self.ensure(self._set_unless_final, (task_id, text, ends, _Taken.of(request)))
        return result

    def started(self, task: Any) -> str:
        """What callers read of a task that has begun; the task store writes it."""
        meta = self._get_result_meta(
            {"hostname": task.request.hostname}, states.STARTED, None, task.request
        )
        text: str = self.encode({**meta, "task_id": task.request.id})
        return text

    def void(self, task_id: str, error: Exception, request: Any) -> None:
        """Let nobody read an answer any more under an id that stands for two calls."""
        shown = self.encode_result(error, states.FAILURE)
        meta = self._get_result_meta(shown, states.FAILURE, None, request)
        self.set(self.get_key_for_task(task_id), self.encode({**meta, "task_id": task_id}))

    def _set_unless_final(self, task_id: str, text: str, ends: bool, taken: _Taken) -> None:
        """In one step: a worker that was frozen in between must not take a result back."""
        names = [self.get_key_for_task(task_id), keys.task(task_id), keys.taken(taken.by)]
        given = [text, int(self.expires or 0), int(ends), self._state_expires, taken.tag]
        self.client.eval(_SET_UNLESS_FINAL, 3, *names, *given)
        if ends and taken.by == service.process.member_id:
            settled.add(taken.tag)


@dataclass(frozen=True, slots=True)
class _Taken:
    """The message of a task, in the hands of the worker ``by``; empty where it came otherwise."""

    by: str = ""
    tag: str = ""

    @classmethod
    def of(cls, request: Any) -> _Taken:
        properties = getattr(request, "properties", None) or {}
        by, tag = properties.get(TAKEN_BY), properties.get("delivery_tag")
        return cls(by=str(by), tag=str(tag)) if by and tag else cls()
