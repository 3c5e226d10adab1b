"""Every way in which a parse can fail, one class a published code.

A class says whether the same request is worth another try (``retryable``) and whether another
parser could do what this one could not (``fallback``). Raise the class where the cause is known;
the pipeline turns it into a `Failure` once, and from there it travels as data.

Messages say what happened, with the value, and what to do next: lower case, no full stop.
"""

from __future__ import annotations

from typing import ClassVar


class ParsekitError(Exception):
    """The root of every error that parsekit publishes.

    ``retry_after_s`` is the number of seconds before which another try is pointless, where the
    cause announced; it wins over any retry schedule.
    """

    code: ClassVar[str]
    retryable: ClassVar[bool] = False
    fallback: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def message(self) -> str:
        """What happened and what to do next, for people."""
        return str(self.args[0])


class BadRequest(ParsekitError):
    """The caller's request is malformed; nothing was read for it."""

    code = "bad_request"


class ConfigInvalid(ParsekitError):
    """The configuration can't be used as it stands; another parser may not need that part of it.

    Each of several ``problems`` says where it stands and what to write instead.
    """

    code = "config_invalid"
    fallback = True

    def __init__(self, *problems: str, retry_after_s: float | None = None) -> None:
        super().__init__("; ".join(problems), retry_after_s=retry_after_s)
        self.problems = problems


class PluginFailed(ParsekitError):
    """A plugin is missing, could not be loaded, or broke the rules of its hook."""

    code = "plugin_failed"
    fallback = True


class ReplayNotFound(ParsekitError):
    """There is no replay under this name."""

    code = "replay_not_found"


class InvalidReplay(ParsekitError):
    """The file is not a whole, undamaged replay."""

    code = "invalid_replay"


class ReplayTooLarge(ParsekitError):
    """The file is larger than ``limits.replay_bytes``."""

    code = "replay_too_large"


class PoisonReplay(ParsekitError):
    """The replay ended the process that parsed it too often, and was put aside."""

    code = "poison_replay"


class Cancelled(ParsekitError):
    """Somebody asked for this task to end."""

    code = "cancelled"


class Expired(ParsekitError):
    """The time after which its caller has no use for the task (``expires``) came before its end."""

    code = "expired"


class ParserFailed(ParsekitError):
    """The parser gave up on this replay, crashed, or answered nonsense."""

    code = "parser_failed"
    fallback = True


class ParserCrashed(ParserFailed):
    """The parser ended its process, or somebody did: a machine out of memory, perhaps.

    Published as ``parser_failed``. Where attempts are counted, it is tried again (`PoisonReplay`).
    """


class ParserTimeout(ParsekitError):
    """The parser took longer than ``limits.parse_seconds`` and was ended."""

    code = "parser_timeout"
    fallback = True


class TaskTimeout(ParserTimeout):
    """The task took longer than its caller, or the operator, allows for all of it.

    Published as ``parser_timeout``. No other parser is asked, as the time is up for it as well.
    """

    fallback = False


class RemoteRejected(ParsekitError):
    """The remote parser looked at the replay and refused it."""

    code = "remote_rejected"
    fallback = True


class RemoteTimeout(ParsekitError):
    """The remote parser did not finish this replay before the deadline."""

    code = "remote_timeout"
    fallback = True


class RemoteUnavailable(ParsekitError):
    """The remote parser can't be reached or answers with errors of its own."""

    code, retryable, fallback = "remote_unavailable", True, True


class RateLimited(ParsekitError):
    """The remote parser refuses for now; the same request may succeed later."""

    code, retryable, fallback = "rate_limited", True, True


class QuotaExhausted(ParsekitError):
    """The account's upload quota is used up; ``retry_after_s`` tells when a slot frees."""

    code, retryable, fallback = "quota_exhausted", True, True


class Unauthorized(ParsekitError):
    """The remote parser does not accept our token."""

    code = "unauthorized"
    fallback = True


class StorageUnavailable(ParsekitError):
    """The storage can't be reached, or failed in a way that may pass."""

    code, retryable = "storage_unavailable", True


class StorageDenied(ParsekitError):
    """The storage knows us and refuses."""

    code = "storage_denied"


def _published(root: type[ParsekitError]) -> dict[str, type[ParsekitError]]:
    return {kind.code: kind for kind in root.__subclasses__()}


#: Published code to class: what an ``error.code`` in a result means.
ERRORS: dict[str, type[ParsekitError]] = _published(ParsekitError)


def error_for(code: str, message: str, *, retry_after_s: float | None = None) -> ParsekitError:
    """Make the error of a published code; an unknown code becomes `ParserFailed`."""
    return ERRORS.get(code, ParserFailed)(message, retry_after_s=retry_after_s)
