"""Fields of the JSON object that comes with a call."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from parsekit import JsonObject
from parsekit.errors import BadRequest
from parsekit_server.catalogue.stored_text import is_storable

E = TypeVar("E", bound=StrEnum)

_LONGEST = 500


def text_field(payload: JsonObject, name: str) -> str | None:
    """A text; None where there is none. Raises `BadRequest` for another type or a long one."""
    value = payload.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or not is_storable(value):
        raise BadRequest(f"{name} is no text of at most {_LONGEST} characters")
    return value


def bool_field(payload: JsonObject, name: str) -> bool | None:
    """True or false; None where there is none. Raises `BadRequest`."""
    value = payload.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"{name} is neither true nor false")
    return value


def one_of(kind: type[E], name: str, value: str | None) -> E | None:
    """The member of an enumeration; None where there is no value. Raises `BadRequest`."""
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(kind)
        raise BadRequest(f"{name} is {value[:40]!r}; write one of {choices}") from None
