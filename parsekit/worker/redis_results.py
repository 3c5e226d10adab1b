"""Celery's Redis results: an error has its code beside its text, and a final state stays."""

from __future__ import annotations

from typing import Any

from celery import states
from celery.backends.redis import RedisBackend

from parsekit.worker.failure_facts import failure_facts, without_secrets


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
        """Store a state, unless a final one stands there, which the caller may have read.

        The task says STARTED only after the ledger said that it has not ended.
        """
        if (
            state != states.STARTED
            and self._get_task_meta_for(task_id)["status"] in states.READY_STATES
        ):
            return result
        meta = self._get_result_meta(result, state, without_secrets(traceback), request)
        text = self.encode({**meta, "task_id": task_id})
        self._set_with_state(self.get_key_for_task(task_id), text, state)
        return result
