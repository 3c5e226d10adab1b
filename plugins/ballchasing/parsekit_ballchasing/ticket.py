"""What has to be remembered between two looks at one replay; small JSON in the host's hands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from parsekit import JsonObject

#: Ids become part of a URL, so nothing but what a UUID or a short name is made of.
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
#: No replay has had more calls of one kind.
_MOST_CALLS = 1_000_000


def is_replay_id(value: object) -> bool:
    """Whether this may stand in a URL as the id of a replay."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One replay on its way through the API; times are seconds since 1970 UTC.

    ``replay_id`` is "" before the upload was accepted. ``duplicate`` says that somebody had
    uploaded it before. ``stumbles`` counts failed calls in a row that were not held against the
    replay. ``uploads`` counts accepted uploads. Looks leave it as it is: the host stores a ticket
    whenever it changes.
    """

    since_unix: float
    replay_id: str = ""
    uploaded_unix: float = 0.0
    duplicate: bool = False
    stumbles: int = 0
    uploads: int = 0

    @classmethod
    def read(cls, raw: Mapping[str, Any] | None, *, now_unix: float) -> Ticket:
        """Take what was kept; what is missing or makes no sense starts anew."""
        raw = raw or {}
        replay_id = raw.get("id")
        return cls(
            since_unix=_number(raw.get("since"), now_unix, most=now_unix),
            replay_id=replay_id if isinstance(replay_id, str) and is_replay_id(replay_id) else "",
            uploaded_unix=_number(raw.get("uploaded"), now_unix, most=now_unix),
            duplicate=raw.get("duplicate") is True,
            stumbles=int(_number(raw.get("stumbles"), 0, most=_MOST_CALLS)),
            uploads=int(_number(raw.get("uploads"), 0, most=_MOST_CALLS)),
        )

    def to_json(self) -> JsonObject:
        """The form that `read` understands."""
        return {
            "since": self.since_unix,
            "id": self.replay_id,
            "uploaded": self.uploaded_unix,
            "duplicate": self.duplicate,
            "stumbles": self.stumbles,
            "uploads": self.uploads,
        }

    def uploaded(self, replay_id: str, *, duplicate: bool, now_unix: float) -> Ticket:
        """The ticket after the API took the replay."""
        return replace(
            self,
            replay_id=replay_id,
            duplicate=duplicate,
            uploaded_unix=now_unix,
            stumbles=0,
            uploads=self.uploads + 1,
        )

    def still_pending(self) -> Ticket:
        """The ticket after a look that came too early."""
        return replace(self, stumbles=0)

    def stumbled(self) -> Ticket:
        """The ticket after a failed call that is not held against the replay."""
        return replace(self, stumbles=self.stumbles + 1)

    def gone(self) -> Ticket:
        """The ticket after the API no longer knew the replay."""
        return replace(self, replay_id="", duplicate=False)


def _number(value: object, default: float, *, most: float) -> float:
    """A number of 0 to ``most``; what is above was not written by us, or by another clock."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return default
    return float(min(value, most))
