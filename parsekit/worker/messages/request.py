"""From the arguments of a caller to a `Request`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parsekit.errors import BadRequest
from parsekit.model import Request
from parsekit.redaction.secrets import short
from parsekit.storage.keys import checked_key
from parsekit.worker.messages.signed_state import Carried

#: AMQP's own limit for names.
_MAX_QUEUE_BYTES = 255
#: Keyword argument of a call that was refused before it was read, with the reason.
REFUSED = "parsekit_refused"
_MAX_REASON = 500
#: Longer claims of a caller are cut, characters.
_MAX_CALLER = 300


def request_of(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    message: Any,
    carried: Carried,
    *,
    bulk: bool,
    reserves: Callable[[str], bool],
) -> Request:
    """Read a call as request.schema.json has it; keyword arguments that we don't know are ignored.

    ``message`` is Celery's request; ``reserves`` knows names of queues that are the service's own.
    Raises `BadRequest`.
    """
    if REFUSED in kwargs:
        raise BadRequest(short(str(kwargs[REFUSED]), _MAX_REASON))
    if args:
        raise BadRequest(
            f"parseReplay takes keyword arguments only, got {len(args)} positional ones; "
            "send replayObjectPath by name"
        )
    if "replayObjectPath" not in kwargs:
        raise BadRequest("replayObjectPath is missing; name an object as folder/name.replay")
    return Request(
        replay=checked_key(kwargs["replayObjectPath"]),
        task_id=message.id,
        progress_queue=_progress_queue(kwargs, reserves),
        bulk=bulk,
        caller=carried.caller or caller_of(message),
        again=carried.again,
    )


def digest_of(kwargs: Mapping[str, Any]) -> str:
    """Tells calls apart under one task id: by the replay, as all else is about publishing."""
    named = json.dumps(kwargs.get("replayObjectPath"))
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def refused(
    kwargs: Mapping[str, Any],
    message: Any,
    carried: Carried,
    *,
    reserves: Callable[[str], bool],
) -> Request:
    """Stands for a call that can't be read, so that its end is published to its caller's queue."""
    path = kwargs.get("replayObjectPath")
    shown = short(path, 200) if isinstance(path, str) else ""  # may be a URL with a password
    try:
        queue = _progress_queue(kwargs, reserves)
    except BadRequest:
        queue = None
    return Request(
        replay=shown,
        task_id=message.id,
        progress_queue=queue,
        caller=carried.caller or caller_of(message),
        again=carried.again,
    )


def caller_of(message: Any) -> str:
    """Who sent a task, from what its headers claim: ``gen7@web1``, and where the answer goes."""
    facts = [str(getattr(message, "origin", None) or "unknown")]
    root = getattr(message, "root_id", None)
    if root and root != message.id:
        facts.append(f"root task {root}")
    if reply_to := getattr(message, "reply_to", None):
        facts.append(f"reply to {reply_to}")
    return ", ".join(facts)[:_MAX_CALLER]


def _progress_queue(kwargs: Mapping[str, Any], reserves: Callable[[str], bool]) -> str | None:
    queue = kwargs.get("progressQueue")
    if queue is None:
        return None
    if not isinstance(queue, str) or not _is_name(queue):
        raise BadRequest("progressQueue is no queue name; send text of 1 to 255 bytes, or null")
    if reserves(queue):
        raise BadRequest(f"progressQueue {queue!r} is a queue of the service; name one of your own")
    return queue


def _is_name(text: str) -> bool:
    return text.isprintable() and 0 < len(text.encode()) <= _MAX_QUEUE_BYTES
