"""What a Redis refuses that is full, or busy, and will do later."""

from __future__ import annotations

import re

from redis.exceptions import MasterDownError, OutOfMemoryError, ResponseError

#: From within a script, an older server names the reason in the middle of its text. One that
#: becomes a replica ends our waits with UNBLOCKED, and answers what comes next with READONLY.
_TRANSIENT = re.compile(r"\b(OOM|BUSY|MISCONF|NOREPLICAS|MASTERDOWN|UNBLOCKED)\b")


def is_transient(exc: Exception) -> bool:
    """Whether the same may be asked again; False also for a server that does not answer."""
    if isinstance(exc, OutOfMemoryError | MasterDownError):
        return True
    return isinstance(exc, ResponseError) and _TRANSIENT.search(str(exc)) is not None
