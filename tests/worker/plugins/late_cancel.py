"""parsekit, where each task is cancelled after the last look for that, before it waits."""

from __future__ import annotations

from typing import Any

from parsekit.cli import main
from parsekit.worker import resume
from parsekit.worker.process import service

send = resume._send


def cancel_and_send(task: Any, *given: Any, **options: Any) -> None:
    service.process.task_store.cancel(task.request.id)
    send(task, *given, **options)


if __name__ == "__main__":
    resume._send = cancel_and_send
    main()
