"""parsekit with faults around the runs of tasks, where Celery does not look for any.

The task's id says which: once ``before`` or ``after`` Celery's tracer, ``always``, or an ``exit``.
"""

from __future__ import annotations

from typing import Any

from celery.worker import request as requests

from parsekit.cli import main
from parsekit.worker.messages.ends import END_HEADER

whole = requests.fast_trace_task


def trace(task: str, task_id: str, request: dict[str, Any], *rest: Any, **more: Any) -> Any:
    once = END_HEADER not in request
    if task_id == "exit" and once:
        raise SystemExit("a fault of ours")
    if task_id == "always" or (task_id == "before" and once):
        raise MemoryError("a fault of ours")
    answer = whole(task, task_id, request, *rest, **more)
    if task_id == "after" and once:
        raise RuntimeError("a fault of ours")
    return answer


if __name__ == "__main__":
    requests.fast_trace_task = trace
    main()
