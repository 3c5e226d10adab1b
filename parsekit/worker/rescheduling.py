"""A task that waits goes back to the broker under its own id, and holds nothing meanwhile."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from celery import Task

from parsekit.worker.celery_settings import MAX_HOP_SECONDS
from parsekit.worker.delay_headers import DELAY_HEADER, REPLACE_HEADER
from parsekit.worker.service import service

#: Message header with the pipeline's state; callers never see it.
STATE_HEADER = "parsekit_state"

#: Tasks that were sent together shall not come back together.
_SPREAD = 1.1
#: A task that wants to go on at once still lets others pass.
_MIN_SECONDS = 0.05


def state_of(task: Task) -> Mapping[str, Any] | None:
    """What the run before this one learned; None for the first."""
    state = getattr(task.request, STATE_HEADER, None)
    return state if isinstance(state, Mapping) else None


def go_on_later(
    task: Task, state: Mapping[str, Any] | None, after_s: float, *, replace: bool = True
) -> None:
    """Send the same task once more, to be delivered in ``after_s`` seconds, at most one hop.

    A longer wait takes several hops: the pipeline is asked in between and says how long it still
    has to wait. Raises what the broker's client raises; the task was not sent then.
    """
    spread = random.uniform(1.0, _SPREAD)  # noqa: S311  (no secret)
    seconds = min(MAX_HOP_SECONDS / _SPREAD, max(_MIN_SECONDS, after_s)) * spread
    headers = {
        **(task.request.headers or {}),
        STATE_HEADER: dict(state) if state is not None else None,
        DELAY_HEADER: seconds,
        REPLACE_HEADER: replace,
    }
    task.signature_from_request(
        queue=service.addresses.poll_queue, headers=headers, countdown=None
    ).apply_async()
