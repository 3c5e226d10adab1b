"""Whether a file that a setting names may be appended to: it holds records of ours, or nothing."""

from __future__ import annotations

import os

#: How each record of the audit begins, and so a file of them.
AUDIT_OPENING = b'{"at":"'


def begins_so(descriptor: int, opening: bytes) -> bool:
    """Whether a file begins in this way, is empty, or was cut off in its first line."""
    return opening.startswith(os.pread(descriptor, len(opening), 0))
