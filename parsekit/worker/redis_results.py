"""Celery's Redis results: an error has its code beside its text, and a final state stays."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend

from parsekit.worker.failure_facts import failure_facts, without_secrets

#: KEYS result; ARGV text, seconds to keep it (0 for ever). Results are written by us alone, and
#: begin with their state.
_SET_UNLESS_FINAL = """
local old = redis.call('GET', KEYS[1])
local state = old and string.match(old, '^{"status": "(%u+)"')
if state == 'SUCCESS' or state == 'FAILURE' or state == 'REVOKED' then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
"""


class RedisResults(RedisBackend):
    """What callers read under ``celery-task-meta-<task id>``, plain JSON."""

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Celery's three fields, and ours for callers that can't import our classes."""
        told = without_secrets(super().prepare_exception(exc, serializer))
        return {**told, **failure_facts(exc)}

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
        text = self.encode({**meta, "task_id": task_id})
        self.ensure(self._set_unless_final, (self.get_key_for_task(task_id), text))
        return result

    def _set_unless_final(self, key: str, text: str) -> None:
        """In one step: a worker that was frozen in between must not take a result back."""
        self.client.eval(_SET_UNLESS_FINAL, 1, key, text, int(self.expires or 0))
