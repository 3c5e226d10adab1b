"""What ``parsekit doctor`` says about the token: whose it is, what it may, what is left."""

from __future__ import annotations

from parsekit import Check, JsonObject, Session
from parsekit.errors import ConfigInvalid, ParsekitError, Unauthorized
from parsekit_ballchasing.client import BallchasingClient
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.report import Report, report_of
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.tiers import tier_named

NAME = "ballchasing"
#: A check answers within ten seconds.
_TIMEOUT_S, _CALL_S = (3.0, 5.0), 8.0


def check_account(session: Session) -> list[Check]:
    """Read the token, ping, and compare with the state of the workers."""
    settings = session.config.section(BallchasingSettings)
    try:
        token = settings.read_token()
    except ParsekitError as error:
        advice = "make a token at https://ballchasing.com/upload and put it into this file"
        return [Check(name=f"{NAME} token", ok=False, detail=error.message, advice=advice)]
    if token.get_secret_value().startswith("g/"):
        detail = "a group's token: it uploads into its group and tells nothing about itself"
        return [Check(name=f"{NAME} token", ok=None, detail=detail)]
    client = BallchasingClient(
        settings.url, token, ca_file=settings.ca_file, timeout_s=_TIMEOUT_S, call_s=_CALL_S
    )
    try:
        answer = client.ping()
    except ParsekitError as error:
        return [_refused(error, settings.url)]
    finally:
        client.close()
    budget = Budget.open(session.config.redis_url, settings.url, token, client.ping)
    try:
        budget.account.learn(answer)
        return [_owner(answer), _quota(report_of(budget))]
    finally:
        budget.close()


def _refused(error: ParsekitError, url: str) -> Check:
    match error:
        case Unauthorized():
            advice = "put a valid token into the file that ballchasing.token_file names"
        case ConfigInvalid():
            advice = f"check ballchasing.ca_file and ballchasing.url ({url})"
        case _:
            advice = f"check the network and ballchasing.url ({url})"
    return Check(name=f"{NAME} token", ok=False, detail=error.message, advice=advice)


def _owner(answer: JsonObject) -> Check:
    tier = tier_named(answer.get("type"))
    hourly = (
        "no hourly limit" if tier.replay_per_hour is None else f"{tier.replay_per_hour} an hour"
    )
    detail = (
        f"token of {str(answer.get('name'))[:80]!r}, tier {str(answer.get('type'))[:40]!r}: "
        f"{tier.per_second} calls a second, {hourly}"
    )
    return Check(name=f"{NAME} token", ok=True, detail=detail)


def _quota(report: Report) -> Check:
    left = min((window.left for window in report.uploads if window.left is not None), default=None)
    lines = "; ".join(window.sentence() for window in report.uploads)
    advice = "" if left != 0 else "wait, name a fallback parser, or raise the day limit on the site"
    return Check(name=f"{NAME} quota", ok=left != 0, detail=lines, advice=advice)
