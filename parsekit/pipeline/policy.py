"""What becomes of a task after an error: it tries again later, asks the next parser, or ends."""

from __future__ import annotations

from dataclasses import dataclass

from parsekit.errors import ParsekitError, QuotaExhausted
from parsekit.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Retry:
    """The same step again, in ``after_s`` seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class NextParser:
    """Another parser may do what this one could not."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The task ends with this error."""


Verdict = Retry | NextParser | Fail


def decide(
    error: ParsekitError, *, failures: int, policy: RetryPolicy, another_parser: bool
) -> Verdict:
    """Decide after the ``failures``-th failed attempt in a row at one step.

    An exhausted quota is not waited for while another parser stands by: it may last for days. A
    damaged replay or a bad request never leads to another parser, as none could do better.
    """
    delay_s = policy.next_delay_s(failures, error)
    hopeless = delay_s is None or isinstance(error, QuotaExhausted)
    if another_parser and error.fallback and hopeless:
        return NextParser()
    return Fail() if delay_s is None else Retry(delay_s)
