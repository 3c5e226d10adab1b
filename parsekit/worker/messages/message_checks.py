"""What a message must look like before Celery is let near it, whatever broker brings it.

Celery trusts its callers: an id that is no text, or a time limit that is none, raises in the loop
that takes messages, which ends the worker, and with it, one after the other, all the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from parsekit.errors import BadRequest

#: A call is a key and a queue's name; a megabyte holds no honest one.
MAX_BODY_BYTES = 1024 * 1024
#: What callers send in headers, of which each run of a task makes copies.
MAX_HEADER_BYTES = 64 * 1024
#: How long a task may be put off by who sends it. Over RabbitMQ it makes a hop a minute meanwhile.
MAX_AHEAD = timedelta(days=30)
#: Time limits of callers outside of these are ignored, seconds: a shorter one ends a process of the
#: pool before it has begun, a longer one would be none.
LIMITS_S = (1.0, 86_400.0)
#: Celery's arithmetic with time zones fails at the ends of the calendar.
_YEARS = range(1970, 9999)
#: Names of queues are made of it, which may have 255 bytes.
_MAX_ID_BYTES = 200

_Kinds = type | tuple[type, ...]
_TEXT: _Kinds = (str, type(None))
_LIST: _Kinds = (list, tuple, type(None))
_NUMBER: _Kinds = (int, float, type(None))
#: Of what Celery makes use of without a look at its type.
_HEADERS: Mapping[str, _Kinds] = {
    "shadow": _TEXT,
    "group": _TEXT,
    "retries": (int, type(None)),
    "stamped_headers": _LIST,
    "stamps": (dict, type(None)),
}
#: What is to follow a task; it may stand among the headers as well.
_FOLLOWERS = ("callbacks", "errbacks", "chain")


def is_task_id(value: object) -> bool:
    """Whether a task can have it: one line of text that fits into the names of queues."""
    return (
        isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= _MAX_ID_BYTES
    )


def is_message(content: Any) -> bool:
    """Whether kombu can read it, and somebody can be answered what becomes of it."""
    headers, properties = content["headers"], content["properties"]
    return (
        isinstance(headers, dict)
        and isinstance(properties, dict)
        and isinstance(content["body"], _TEXT)
        and isinstance(content.get("content-type"), _TEXT)
        and isinstance(content.get("content-encoding"), _TEXT)
        and _is_delivery(properties.get("delivery_info"))
        and _is_addressed(headers)
    )


def _is_delivery(info: Any) -> bool:
    return info is None or (isinstance(info, dict) and isinstance(info.get("routing_key"), _TEXT))


def _is_addressed(headers: Mapping[str, Any]) -> bool:
    """Messages of protocol 1 have both in their body."""
    if "task" not in headers:
        return True
    return isinstance(headers["task"], str) and is_task_id(headers.get("id"))


def check_headers(headers: Mapping[str, Any]) -> None:
    """Raise `TypeError` for what Celery would stumble over, `BadRequest` for an ETA too far off."""
    if not is_task_id(headers.get("id")):
        raise TypeError(f"its id is no text of 1 to {_MAX_ID_BYTES} bytes in one line")
    for name, kinds in _HEADERS.items():
        if not isinstance(headers.get(name), kinds):
            raise TypeError(f"its {name} is of another type than Celery's")
    if (limits := headers.get("timelimit")) is not None:
        _check_limits(limits)
    _check_followers(headers)
    for name in ("eta", "expires"):
        _check_moment(name, headers.get(name))


def check_header_size(headers: Mapping[str, Any]) -> None:
    """Raise `BadRequest` where a caller's headers are longer than any caller needs."""
    if (size := len(json.dumps(headers, default=str))) > MAX_HEADER_BYTES:
        raise BadRequest(
            f"the headers have {size} bytes, more than {MAX_HEADER_BYTES}; send fewer of your own"
        )


def limits_within_bounds(limits: Any) -> list[float | None]:
    """A caller's (hard, soft) time limits in seconds, None for one that is out of bounds."""
    shortest, longest = LIMITS_S
    return [each if each and shortest <= each <= longest else None for each in limits or (0, 0)]


def _check_moment(name: str, text: Any) -> None:
    if text is None:
        return
    try:
        moment = datetime.fromisoformat(text)
        if moment.year not in _YEARS:
            raise ValueError(f"the year {moment.year}")
    except (TypeError, ValueError) as exc:
        raise TypeError(f"its {name} is no date of ISO 8601 that can be reckoned with") from exc
    now = datetime.now(UTC) if moment.tzinfo else datetime.now(UTC).replace(tzinfo=None)
    if name == "eta" and moment > now + MAX_AHEAD:
        raise BadRequest(f"eta {text} is more than {MAX_AHEAD.days} days ahead; send it later")


def _check_limits(limits: Any) -> None:
    pair = isinstance(limits, list | tuple) and len(limits) == 2  # noqa: PLR2004
    if not pair or not all(isinstance(limit, _NUMBER) for limit in limits):
        raise TypeError("its timelimit is no pair of numbers")


def _check_followers(embed: Mapping[str, Any]) -> None:
    """Refuse what would raise after the task, too late for an answer."""
    for name in _FOLLOWERS:
        followers = embed.get(name)
        if followers and not (
            isinstance(followers, list | tuple) and all(map(_is_call, followers))
        ):
            raise TypeError(f"its {name} are no list of tasks")
    if (chord := embed.get("chord")) and not _is_call(chord):
        raise TypeError("its chord is no task")


def check_destinations(embed: Any, is_internal: Callable[[str], bool]) -> None:
    """Raise `BadRequest` for a follower that a worker would put where no caller may.

    ``embed`` has the form that the other checks ask for.
    """
    for follower in _followers(embed or {}):
        options = follower.get("options")
        named = options if isinstance(options, dict) else {}
        for name in filter(None, map(named.get, ("queue", "routing_key", "exchange"))):
            if not isinstance(name, str) or is_internal(name):
                raise BadRequest(
                    f"the callback {follower['task']!r} is to go to {name!r}, which is no queue "
                    "of a caller; name one of your own"
                )


def _followers(embed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _FOLLOWERS:
        yield from embed.get(name) or ()
    if chord := embed.get("chord"):
        yield chord


def _is_call(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("task"), str)


def check_size(body: bytes | str | None) -> None:
    """Raise `BadRequest` for a message that is too long to be a call."""
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise BadRequest(
            f"the message has {len(body)} bytes, more than {MAX_BODY_BYTES}; "
            "name the replay's object, and send nothing else"
        )


def check_payload(payload: Any) -> None:
    """Raise `TypeError` or `ValueError` for a decoded body that is none of the two protocols'."""
    if isinstance(payload, dict):
        args, kwargs, embed = payload.get("args", ()), payload.get("kwargs", {}), payload
    else:
        args, kwargs, embed = payload
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise TypeError("its arguments are no list, or its keyword arguments no object")
    if not isinstance(embed, dict | None):
        raise TypeError("its third part is no object")
    if embed:
        _check_followers(embed)
