"""Every published error, from `parsekit.errors`."""

from __future__ import annotations

from collections.abc import Iterator

from devkit.reference.markdown import prose, sentence, table
from parsekit.cli.exit import exit_code
from parsekit.errors import ERRORS, ParsekitError
from parsekit.worker.messages.ends import EXPIRED, REVOKED, TERMINATED, End

_INTRODUCTION = """
# Error codes

Each failure has one of these codes, wherever it is read: `error.code` of `--format json` and
`jsonl`, `code` in the result of a Celery task, `outcome.failure.code` in Python, `outcome` in a
line of the log, the label `code` of `parsekit_tasks_total`. Beside it stand the message, which
names the value and what to do, and `retryable`.

* **Worth another try** is `retryable`: the same request may succeed later. The service tries such
  errors again by itself before it answers; a caller that reads one may send the request again.
* **Another parser** says whether the next parser of `fallback` is asked
  ([composition](../composition.md#fallback)).
* **A Celery caller** reads the state and, as `exc_type`, the name of the class. celery-node
  throws an `Error` with `code`, `retryable` and `message` ([the
  service](../service.md#from-other-programs)).
* **The command line** shows one line on standard error. A replay that failed makes the exit code
  of `parsekit parse` 1; an error that ends the whole command has the exit code below.
"""
#: Errors of a task that was revoked, for which Celery has a state and an error of its own.
_REVOKING = {type(End.revoked(reason).error) for reason in (EXPIRED, REVOKED, TERMINATED)}
_REVOKED = "`REVOKED`, `TaskRevokedError`"


def page() -> str:
    """The page of all codes, in the order of the module."""
    summary = [
        (
            f"[`{code}`](#{code})",
            _yes(kind.retryable),
            _yes(kind.fallback),
            sentence(kind.__doc__ or ""),
        )
        for code, kind in ERRORS.items()
    ]
    parts = [_INTRODUCTION.strip()]
    parts.append(table(("code", "worth another try", "another parser", "cause"), summary))
    for code, kind in ERRORS.items():
        parts += _described(code, kind)
    return "\n\n".join(parts)


def _described(code: str, kind: type[ParsekitError]) -> Iterator[str]:
    yield f"## {code}"
    yield prose(kind.__doc__)
    state = _REVOKED if kind in _REVOKING else f"`FAILURE`, `{kind.__name__}`"
    facts = {
        "What to do": sentence(kind.remedy),
        "Worth another try": _yes(kind.retryable),
        "Another parser is asked": _yes(kind.fallback),
        "A Celery caller sees": state,
        "A command that it ends exits with": str(exit_code(kind).value),
    }
    yield "\n".join(f"* **{name}:** {fact}" for name, fact in facts.items())
    published = [each for each in kind.__subclasses__() if each.__module__ == kind.__module__]
    for special in published:
        yield f"`{special.__name__}`: {prose(special.__doc__)}"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
