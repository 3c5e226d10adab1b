"""What travels to RabbitMQ: the exact bytes, where they go, and how dear they are."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Literal

from parsekit import AnalyticsEvent, ProgressEvent
from parsekit_sinks_rabbitmq.runs import Run

Kind = Literal["progress", "analytics"]

#: AMQP writes names and ids as short strings.
MAX_NAME_BYTES = 255
#: RabbitMQ 4 takes no larger message unless told so (``max_message_size``).
MAX_BODY_BYTES = 16 * 1024 * 1024
#: Progress that nobody reads is of no use after ten minutes.
PROGRESS_EXPIRES_S = 600
#: JavaScript reads no NaN; escapes keep lone surrogates out of the UTF-8.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one queue.

    ``told_unix`` is when parsekit was told. ``keep`` says that it is written down, and sent again
    when nobody knows whether it arrived: the end of a task, and analytics. A repeat has the same
    ``message_id``. ``run`` is that of a step.
    """

    kind: Kind
    queue: str
    body: bytes
    message_id: str
    told_unix: float
    keep: bool
    run: Run | None = None

    @property
    def late(self) -> bool:
        """Whether it is a step of a task with which another process may have gone on."""
        return self.run is not None and self.run.over

    @property
    def expired(self) -> bool:
        """Whether it is progress that nobody waits for any more."""
        return self.kind == "progress" and time.time() - self.told_unix > PROGRESS_EXPIRES_S


def of_progress(event: ProgressEvent, queue: str, run: Run | None = None) -> Message:
    """The message for the caller's queue. Raises TypeError or ValueError if it is no JSON.

    The end of a task has the same id however often it is told, even by different workers.
    """
    end = _short(f"{event.task_id}.{event.status}") if event.final else None
    return Message(
        kind="progress",
        queue=queue,
        body=_bounded(event.to_text()),
        message_id=end or uuid.uuid4().hex,
        told_unix=time.time(),
        keep=event.final,
        run=None if event.final else run,
    )


def of_analytics(event: AnalyticsEvent, queue: str) -> Message:
    """The message for the analytics queue, under the event's own id."""
    return Message(
        kind="analytics",
        queue=queue,
        body=_bounded(_encode(event.to_message())),
        message_id=_short(event.event_id),
        told_unix=time.time(),
        keep=True,
    )


def queue_fault(name: str) -> str | None:
    """Say why a caller's queue name can't be used; None when it can."""
    if not name:
        return "is empty"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if size > MAX_NAME_BYTES:
        return f"has {size} bytes, at most {MAX_NAME_BYTES} go"
    if not name.isprintable():
        return "holds control characters"
    return None


def _bounded(text: str) -> bytes:
    body = text.encode()
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"it has {len(body)} bytes, at most {MAX_BODY_BYTES} go")
    return body


def _short(name: str) -> str:
    raw = name.encode(errors="replace")
    return name if len(raw) <= MAX_NAME_BYTES else hashlib.sha256(raw).hexdigest()
