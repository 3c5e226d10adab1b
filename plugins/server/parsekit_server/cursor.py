"""Where a page of a list begins: what the last item before it was sorted by, and its id.

Clients take it as it is. It names no page number, so a page costs the same wherever it is, and
what was added or deleted meanwhile moves nothing.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from parsekit.errors import BadRequest
from parsekit_server.catalogue.stored_text import is_storable

#: What a database takes as a number.
_NUMBERS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCursor:
    """The last item of the page before. ``sort`` names what ``value`` is."""

    sort: str
    value: int | str
    id: str

    def to_text(self) -> str:
        """Write it for an address."""
        packed = json.dumps([self.sort, self.value, self.id], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str, *, sort: str) -> PageCursor:
        """Read one of a list that is sorted by ``sort``. Raises `BadRequest`."""
        try:
            padded = text + "=" * (-len(text) % 4)
            made_for, value, number = json.loads(base64.b64decode(padded, b"-_", validate=True))
        except (ValueError, TypeError, RecursionError):
            made_for, value, number = None, None, None
        usable = _is_text(value) if sort == "name" else type(value) is int and value in _NUMBERS
        if made_for != sort or not usable or not _is_text(number):
            raise BadRequest("after is no cursor of this list; take it from next, or leave it out")
        return cls(sort=sort, value=value, id=number)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and is_storable(value)
