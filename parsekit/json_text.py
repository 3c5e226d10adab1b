"""A parser's data, encoded once: from then on their JSON text is copied, never made anew.

A body has some 20 KB. To encode it again for the digest, the result and the progress of each
cached task took as long as all the rest of the task.
"""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

#: Of a longer path the end is shown.
_PATH_CHARS = 200
#: What is deeper can't be encoded: the interpreter's own limit comes before.
_MOST_LEVELS = 1000
#: What may be the key of an object; JSON has text for all of these, and these are values as well.
_KEYS = (str, int, float, bool, type(None))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# made once, as `json.dumps` and `json.loads` with options make theirs anew for each call
_decode = json.JSONDecoder(parse_constant=_refuse).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encoded(value: Any) -> str:
    """JSON text as everybody reads it. Raises TypeError or ValueError for what is not JSON."""
    return _encode(value)


#: What `json` raises for data that it can't encode.
NOT_ENCODED = (TypeError, ValueError, RecursionError)


class NotJson(ValueError):
    """A parser's data are not JSON, NaN among them; says which, by its path."""

    @classmethod
    def of(cls, data: Any, error: Exception) -> Self:
        """The error for data over which encoding failed with ``error``."""
        return cls(misfit(data) or str(error))


@dataclass(frozen=True, slots=True)
class JsonData:
    """A JSON object and its text, which say the same."""

    value: dict[str, Any]
    text: str

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Encode. Raises `NotJson`."""
        try:
            return cls(value, encoded(value))
        except NOT_ENCODED as exc:
            raise NotJson.of(value, exc) from exc

    @classmethod
    def read(cls, text: str) -> Self:
        """Decode. Raises ValueError for what is no JSON object."""
        value = _decode(text)
        if not isinstance(value, dict):
            raise ValueError("its data are no object")
        return cls(value, text)

    @property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def misfit(data: Any) -> str:
    """The first thing in a parser's data that JSON can't say, such as ``data.blue[0].x is NaN``.

    Empty where each value by itself is JSON.
    """
    pending: list[tuple[str, Any, int]] = [("data", data, 0)]
    while pending:
        path, value, depth = pending.pop()
        if fault := _fault(value, depth):
            return f"{path if len(path) <= _PATH_CHARS else f'…{path[-_PATH_CHARS:]}'} {fault}"
        pending += reversed([(f"{path}{step}", each, depth + 1) for step, each in _inside(value)])
    return ""


def _fault(value: Any, depth: int) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {'NaN' if math.isnan(value) else 'infinite'}, which is no JSON"
    if isinstance(value, dict):
        wrong = next((key for key in value if not isinstance(key, _KEYS)), "")
        if not isinstance(wrong, str):
            return f"has a key that is a {type(wrong).__name__}, want text"
    elif not isinstance(value, (*_KEYS, list, tuple)):
        return f"is a {type(value).__name__}, which is no JSON"
    return "is nested too deep, or in itself" if depth > _MOST_LEVELS else ""


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    """Each member or element, and how a path goes on to it."""
    if isinstance(value, dict):
        for key, each in value.items():
            text = str(key)
            yield f".{text}" if text.isidentifier() else f"[{reprlib.repr(text)}]", each
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield f"[{number}]", each


def spliced(members: Mapping[str, Any], name: str, text: str) -> str:
    """The JSON object of these members, and behind them ``name``, whose value is JSON text."""
    head = encoded(members)
    return f'{head[:-1]}{"," if members else ""}"{name}":{text}}}'


def split(document: str, name: str) -> tuple[dict[str, Any], str]:
    """Take apart what `spliced` made, where no other object in it has a member ``name``.

    Raises ValueError for anything else.
    """
    head, found, rest = document.partition(f',"{name}":')
    if not found or not rest.endswith("}"):
        raise ValueError(f"has no {name} at its end")
    members = json.loads(head + "}")
    return members, rest[:-1]
