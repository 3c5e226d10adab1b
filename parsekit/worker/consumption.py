"""Whether this worker takes messages, and from which queues; remote commands may change both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from celery.utils.time import rate

from parsekit.worker.task import ParseReplay


class Consumption:
    """What a worker of Celery's takes; ``queues`` are those that it was started for."""

    def __init__(self, worker: Any, queues: Collection[str]) -> None:
        self._worker = worker
        self._queues = queues

    @property
    def consumed(self) -> tuple[str, ...]:
        """The queues that it consumes at this moment; none while it is not connected."""
        consumer: Any = getattr(self._worker.consumer, "task_consumer", None)
        if consumer is None:
            return ()
        return tuple(queue.name for queue in consumer.queues if consumer.consuming_from(queue))

    @property
    def throttled(self) -> bool:
        """Whether a remote command has it take less, which a restart would undo."""
        selected = self._worker.app.amqp.queues.consume_from
        return bool(self._rate_limit) or any(name not in selected for name in self._queues)

    @property
    def held_back(self) -> str:
        """Why it does not take all that it was started for, "" when it does."""
        consumed = self.consumed
        idle = [name for name in self._queues if name not in consumed]
        reasons = [f"takes nothing from {', '.join(idle)}"] if idle else []
        if limit := self._rate_limit:
            reasons.append(f"{ParseReplay.name} has a rate limit of {limit}")
        return "; ".join(reasons)

    @property
    def _rate_limit(self) -> str | float | None:
        limit: str | float | None = self._worker.app.tasks[ParseReplay.name].rate_limit
        return limit if rate(limit) else None
