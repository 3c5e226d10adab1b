"""What travels to RabbitMQ: the exact bytes, where they go, and what becomes of them."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal
from weakref import WeakValueDictionary

from parsekit import AnalyticsEvent, ProgressEvent

Kind = Literal["progress", "analytics"]
KINDS: tuple[Kind, ...] = ("progress", "analytics")

#: AMQP writes names and ids as short strings.
MAX_NAME_BYTES = 255
#: RabbitMQ 4 takes no larger message unless told so (``max_message_size``).
MAX_BODY_BYTES = 16 * 1024 * 1024
#: Progress that nobody reads is of no use after ten minutes.
PROGRESS_EXPIRES_S = 600
#: JavaScript reads no NaN; escapes keep lone surrogates out of the UTF-8.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class StepWindow:
    """Until when the steps of one task may be sent: ``closes_at``, by the monotonic clock.

    After that another process may have gone on with the task.
    """

    __slots__ = ("__weakref__", "closes_at")

    def __init__(self) -> None:
        self.closes_at = float("inf")

    @property
    def closed(self) -> bool:
        """Whether the steps may not be sent any more."""
        return time.monotonic() > self.closes_at


class StepWindows:
    """The open windows by task. A window lives as long as a message that belongs to it."""

    def __init__(self) -> None:
        self._windows: WeakValueDictionary[str, StepWindow] = WeakValueDictionary()

    def of(self, task_id: str) -> StepWindow:
        """The window of a step that is reported now."""
        window = self._windows.get(task_id)
        if window is None:
            window = self._windows[task_id] = StepWindow()
        return window

    def close(self, task_id: str, after_s: float) -> None:
        """Close the task's window after so long; the next step opens another one."""
        if (window := self._windows.pop(task_id, None)) is not None:
            window.closes_at = time.monotonic() + after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one queue.

    ``created_unix`` is when parsekit reported it. ``durable`` ones, analytics and the ends of
    tasks, are stored on the disk, persistent in RabbitMQ, and sent again when nobody knows whether
    they arrived; a repeat has the same ``message_id``. ``window`` is that of a step.
    """

    kind: Kind
    queue: str
    body: bytes
    message_id: str
    created_unix: float
    durable: bool
    window: StepWindow | None = None

    @property
    def late(self) -> bool:
        """Whether it is a step of a task with which another process may have gone on."""
        return self.window is not None and self.window.closed

    @property
    def expired(self) -> bool:
        """Whether it is progress that nobody waits for any more."""
        return self.kind == "progress" and time.time() - self.created_unix > PROGRESS_EXPIRES_S


class DeliveryStatus(Enum):
    """What became of one message of a batch."""

    CONFIRMED = "RabbitMQ has it"
    REJECTED = "the queue refuses it for now"
    UNROUTABLE = "there is no such queue, and it could not be declared"
    UNKNOWN = "nobody knows whether it arrived"
    UNSENT = "it was not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The statuses of a batch, in its order, and what ended the connection, if it ended.

    ``refused``: the broker did not like a message, without regard to the connection;
    ``hopeless``: and never will, as it is too large or has met a fault of ours.
    """

    statuses: Sequence[DeliveryStatus]
    error: Exception | None = None
    refused: bool = False
    hopeless: bool = False


def of_progress(event: ProgressEvent, queue: str, window: StepWindow | None = None) -> Message:
    """The message for the caller's queue. Raises TypeError or ValueError if it is no JSON.

    The end of a task has the same id however often it is reported, even by different workers.
    """
    end = _short(f"{event.task_id}.{event.status}") if event.final else None
    return Message(
        kind="progress",
        queue=queue,
        body=_bounded(event.to_text()),
        message_id=end or uuid.uuid4().hex,
        created_unix=time.time(),
        durable=event.final,
        window=None if event.final else window,
    )


def of_analytics(event: AnalyticsEvent, queue: str) -> Message:
    """The message for the analytics queue, under the event's own id."""
    return Message(
        kind="analytics",
        queue=queue,
        body=_bounded(_encode(event.to_message())),
        message_id=_short(event.event_id),
        created_unix=time.time(),
        durable=True,
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
