"""What this distribution offers to the host; the real work is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from parsekit import Check, Metric, ParserEntry, RetryPolicy, Session, hookimpl
from parsekit_ballchasing.settings import BallchasingSettings


def _retry(settings: BallchasingSettings) -> RetryPolicy:
    return RetryPolicy(settings.max_retries, settings.backoff_factor)


@hookimpl
def parsekit_register_parsers(register: Callable[[ParserEntry], None]) -> None:
    """Offer the parser `ballchasing`."""
    register(
        ParserEntry(
            name="ballchasing",
            version="1",
            create="parsekit_ballchasing.parser:BallchasingParser",
            runs="remote",
            settings=BallchasingSettings,
            retry=_retry,
        )
    )


@hookimpl
def parsekit_register_checks(
    session: Session, register: Callable[[str, Callable[[], list[Check]]], None]
) -> None:
    """Offer the check of token, tier and quota, where the configuration uses this parser."""
    host = session.config.host
    used = "ballchasing" in (host.parser, *host.fallback, host.shadow)
    if used or "ballchasing" in session.config.present:
        register("ballchasing", partial(_check, session))


@hookimpl
def parsekit_metrics() -> Iterable[Metric]:
    """Measure what is left of rates and quotas, and whether calls are stopped."""
    from parsekit_ballchasing.metrics import metrics  # noqa: PLC0415  (only workers need it)

    return metrics()


def _check(session: Session) -> list[Check]:
    from parsekit_ballchasing.checks import check_account  # noqa: PLC0415  (loads requests)

    return check_account(session)
