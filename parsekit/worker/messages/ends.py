"""How a task ends that is not worked on to its own end: revoked, expired, beyond a limit, broken.

Each has Celery's word for its caller, and ours for all that is published of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billiard.exceptions import TimeLimitExceeded
from celery.exceptions import TaskRevokedError

from parsekit.errors import Cancelled, Expired, ParsekitError, PluginFailed, TaskTimeout

#: Fact of a request, from the main process to the run that ends the task: never a caller's.
END_HEADER = "parsekit_end"

EXPIRED, REVOKED, TERMINATED = "expired", "revoked", "terminated"
TIMEOUT, BROKEN = "timeout", "broken"
_WORDS = {
    EXPIRED: "expired: its caller has no use for it any more",
    REVOKED: "revoked by remote control",
    TERMINATED: "revoked by remote control while it ran",
}
_ERRORS = {EXPIRED: Expired, TIMEOUT: TaskTimeout, BROKEN: PluginFailed}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a task ended.

    ``reason`` is what its caller reads beside REVOKED, or `TIMEOUT` for a hard time limit of
    ``limit_s`` seconds, or `BROKEN` for a fault of the worker's own around the run. ``killed`` is
    the process that ran the task and was ended for it, or runs it no more; 0: none.
    """

    reason: str
    message: str
    limit_s: float = 0.0
    killed: int = 0

    @classmethod
    def revoked(cls, reason: str) -> End:
        """The end of a task whose caller sees REVOKED."""
        return cls(reason=reason, message=_WORDS.get(reason, reason))

    @classmethod
    def of(cls, request: Any) -> End | None:
        """What the main process says of this run; None for one that is to work on the task."""
        facts = getattr(request, END_HEADER, None)
        return None if facts is None else cls(**facts)

    @property
    def error(self) -> ParsekitError:
        """What is published of it."""
        return _ERRORS.get(self.reason, Cancelled)(self.message)


def error_of(fault: object) -> ParsekitError | None:
    """What is published of an exception with which a task ends; None for one of nobody's."""
    if isinstance(fault, ParsekitError):
        return fault
    if isinstance(fault, TaskRevokedError):
        return End.revoked(str(fault)).error
    if isinstance(fault, TimeLimitExceeded):
        return TaskTimeout(f"took longer than its time limit of {fault.args[0]:g} s and was ended")
    return None


def whose_limit(own: float | None, kind: str, limit_s: float | None) -> str:
    """Words for a time limit: ``own`` is what the caller set, else ``limit_s`` the worker's."""
    if own:
        return f"its caller's {kind} of {own:g} s"
    return f"the worker's {kind}" + (f" of {limit_s:g} s" if limit_s else "")
