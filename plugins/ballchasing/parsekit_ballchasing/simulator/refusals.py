"""Answers that tell an account to stay away for a while."""

from __future__ import annotations

from email.utils import formatdate
from math import ceil

from parsekit_ballchasing.simulator.exchange import Reply, failure
from parsekit_ballchasing.simulator.site import Site


def refusal(site: Site, token: str, wait_s: float, error: str, form: str | None = None) -> Reply:
    """A 429, announcing in one of the forms when to come back; "none" is bare.

    Which form the real API uses is unknown, so all are offered.
    """
    form = form or site.options.retry_after
    if form == "none":
        return Reply(429)
    seconds = ceil(wait_s)
    announce(site, token, seconds)
    header = str(seconds) if form == "seconds" else formatdate(site.clock() + seconds, usegmt=True)
    return failure(429, error, {"Retry-After": header})


def announce(site: Site, token: str, seconds: float) -> None:
    """Remember that this account was told to stay away."""
    account = site.account(token)
    account.announced_unix = site.clock()
    account.announced_until_unix = max(account.announced_until_unix, int(site.clock() + seconds))
