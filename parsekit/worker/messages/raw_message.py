"""A message as it came: nothing of it is unpacked, as only its sender knows what that would take.

kombu unpacks a message that says it is compressed as soon as it arrives, and decodes what is no
JSON with the codec that the sender names. So a kilobyte becomes gigabytes, or keeps a worker busy
for days, before anybody has looked at its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kombu.message import Message

from parsekit.errors import BadRequest


class RawMessage(Message):
    """Stands behind the message class of a transport. One that is compressed can't be decoded."""

    def __init__(self, *args: Any, headers: Mapping[str, Any] | None = None, **facts: Any) -> None:
        kept = dict(headers or {})
        compression = kept.pop("compression", None)
        super().__init__(*args, headers=kept, **{**facts, "content_encoding": "utf-8"})
        if compression is not None:
            error = BadRequest("the message is compressed; send it as it is, a call is short")
            self.errors.append((BadRequest, error, None))
