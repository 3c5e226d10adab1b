"""Every way in which a parse can fail, one class a published code.

A class says whether the same request is worth another try (``retryable``), whether another
parser could do what this one could not (``fallback``), and what to do about it (``remedy``). Raise
the class where the cause is known; the pipeline turns it into a `Failure` once, and from there it
travels as data.

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
    #: What its reader does about it, for the reference; the message has what this one case needs.
    remedy: ClassVar[str]

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
    remedy = "correct the request as the message says; the same one fails again"


class ConfigInvalid(ParsekitError):
    """The configuration can't be used as it stands; another parser may not need that part of it.

    Each of several ``problems`` says where it stands and what to write instead.
    """

    code = "config_invalid"
    fallback = True
    remedy = (
        "correct the keys that the message names, until `parsekit config check` finds "
        "nothing; then start the workers again"
    )

    def __init__(self, *problems: str, retry_after_s: float | None = None) -> None:
        super().__init__("; ".join(problems), retry_after_s=retry_after_s)
        self.problems = problems


class PluginFailed(ParsekitError):
    """A plugin is missing, could not be loaded, or broke the rules of its hook."""

    code = "plugin_failed"
    fallback = True
    remedy = "see which plugin `parsekit plugins` names, and install, update or remove it"


class ReplayNotFound(ParsekitError):
    """There is no replay under this name."""

    code = "replay_not_found"
    remedy = "check the path or key; a replay is uploaded before its task is sent"


class InvalidReplay(ParsekitError):
    """The file is not a whole, undamaged replay."""

    code = "invalid_replay"
    remedy = "copy the file anew from where it came from; a cut or damaged one can't be mended"


class ReplayTooLarge(ParsekitError):
    """The file is larger than ``limits.replay_bytes``."""

    code = "replay_too_large"
    remedy = (
        "check that it is a replay; for a larger one raise `limits.replay_bytes`, and "
        "`limits.parse_memory` with it"
    )


class PoisonReplay(ParsekitError):
    """The replay ended the process that parsed it too often, and was put aside."""

    code = "poison_replay"
    remedy = (
        "look at it with `parsekit dead-letters list`, report it to the parser's author, then "
        "`retry` it with another version, or `drop` it"
    )


class Cancelled(ParsekitError):
    """Somebody asked for this task to end."""

    code = "cancelled"
    remedy = "nothing, as somebody wanted it; send the task again if it is needed after all"


class Expired(ParsekitError):
    """The time after which its caller has no use for the task (``expires``) came before its end."""

    code = "expired"
    remedy = "send it again with a later `expires`; when tasks expire often, start more workers"


class ParserFailed(ParsekitError):
    """The parser gave up on this replay, crashed, or answered nonsense."""

    code = "parser_failed"
    fallback = True
    remedy = (
        "parse it with another parser (`fallback`), or again after an update of this one; the "
        "message is what its author needs"
    )


class ParserCrashed(ParserFailed):
    """The parser ended its process, or somebody did: a machine out of memory, perhaps.

    Published as ``parser_failed``. Where attempts are counted, it is tried again (`PoisonReplay`).
    """


class ParserTimeout(ParsekitError):
    """The parser took longer than ``limits.parse_seconds`` and was ended."""

    code = "parser_timeout"
    fallback = True
    remedy = (
        "raise `limits.parse_seconds`, or the time limit of the task, or give the machine "
        "fewer tasks at once"
    )


class TaskTimeout(ParserTimeout):
    """The task took longer than its caller, or the operator, allows for all of it.

    Published as ``parser_timeout``. No other parser is asked, as the time is up for it as well.
    """

    fallback = False


class RemoteRejected(ParsekitError):
    """The remote parser looked at the replay and refused it."""

    code = "remote_rejected"
    fallback = True
    remedy = "parse it with a local parser (`fallback`); the message has what the site said"


class RemoteTimeout(ParsekitError):
    """The remote parser did not finish this replay before the deadline."""

    code = "remote_timeout"
    fallback = True
    remedy = (
        "send it again later, when the answer may be there: the site has the replay, and gets "
        "it only once; or raise the parser's deadline"
    )


class RemoteUnavailable(ParsekitError):
    """The remote parser can't be reached or answers with errors of its own."""

    code, retryable, fallback = "remote_unavailable", True, True
    remedy = (
        "wait, as tasks are tried again by themselves; `fallback` names a parser that goes on "
        "meanwhile"
    )


class RateLimited(ParsekitError):
    """The remote parser refuses for now; the same request may succeed later."""

    code, retryable, fallback = "rate_limited", True, True
    remedy = "wait, as tasks are tried again by themselves; send fewer at once"


class QuotaExhausted(ParsekitError):
    """The account's upload quota is used up; ``retry_after_s`` tells when a slot frees."""

    code, retryable, fallback = "quota_exhausted", True, True
    remedy = (
        "wait until a slot frees, which the message tells; stop back-fills, name a "
        "`fallback`, or take an account with more uploads"
    )


class Unauthorized(ParsekitError):
    """The remote parser does not accept our token."""

    code = "unauthorized"
    fallback = True
    remedy = (
        "write a valid token into the file that the parser's settings name; `parsekit doctor` "
        "tries it"
    )


class StorageUnavailable(ParsekitError):
    """The storage can't be reached, or failed in a way that may pass."""

    code, retryable = "storage_unavailable", True
    remedy = "wait, as tasks are tried again by themselves; `parsekit doctor` tries the storage"


class StorageDenied(ParsekitError):
    """The storage knows us and refuses."""

    code = "storage_denied"
    remedy = (
        "give the account of the service the rights that it needs; `parsekit doctor` tries each"
    )


def _published(root: type[ParsekitError]) -> dict[str, type[ParsekitError]]:
    return {kind.code: kind for kind in root.__subclasses__()}


#: Published code to class: what an ``error.code`` in a result means.
ERRORS: dict[str, type[ParsekitError]] = _published(ParsekitError)


def error_for(code: str, message: str, *, retry_after_s: float | None = None) -> ParsekitError:
    """Make the error of a published code; an unknown code becomes `ParserFailed`."""
    return ERRORS.get(code, ParserFailed)(message, retry_after_s=retry_after_s)
