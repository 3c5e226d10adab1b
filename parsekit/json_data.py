"""A parser's data, encoded once: from then on their JSON text is copied, never made anew.

A body has some 20 KB. To encode it again for the digest, the result and the progress of each
cached task took as long as all the rest of the task.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# made once, as `json.dumps` and `json.loads` with options make theirs anew for each call
_decode = json.JSONDecoder(parse_constant=_refuse).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encoded(value: Any) -> str:
    """JSON text as everybody reads it. Raises TypeError or ValueError for what is not JSON."""
    return _encode(value)


@dataclass(frozen=True, slots=True)
class JsonData:
    """A JSON object and its text, which say the same."""

    value: dict[str, Any]
    text: str

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Encode. Raises TypeError or ValueError for what is not JSON, NaN among it."""
        return cls(value, encoded(value))

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
