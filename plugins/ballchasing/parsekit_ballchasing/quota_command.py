"""``parsekit quota``: the command that this distribution adds to the host's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from parsekit import open_session, recorded
from parsekit_ballchasing.client import BallchasingClient
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.report import Report, Window, report_of
from parsekit_ballchasing.settings import BallchasingSettings


def quota(config: Path | None = None, format: Literal["table", "json"] = "table") -> None:  # noqa: A002
    """Show what is used and left of Ballchasing's limits, with a forecast for the week.

    The ping is asked once; where it can't answer, the state of the workers is shown alone.
    """
    session = open_session(config, role="cli")
    settings = session.config.section(BallchasingSettings)
    with recorded(session, "quota") as operation:
        token = settings.read_token()
        operation.trail.record("sent", f"token to {settings.url}")
        report = _read(settings, token, session.config.redis_url)
    text = json.dumps(report.to_json()) if format == "json" else "\n".join(_lines(report))
    sys.stdout.write(text + "\n")


def _read(settings: BallchasingSettings, token: SecretStr, redis_url: str | None) -> Report:
    client = BallchasingClient(settings.url, token, ca_file=settings.ca_file)
    budget = Budget.open(redis_url, settings.url, token, client.ping)
    try:
        budget.account.refresh(older_than_s=0.0)
        return report_of(budget)
    finally:
        budget.close()
        client.close()


def _lines(report: Report) -> list[str]:
    limit = report.status_limit_hour
    calls = f"{report.status_calls_hour} of {limit}" if limit else f"{report.status_calls_hour}"
    fits = "fits the weekly quota" if report.week_fits else "more than the weekly quota allows"
    return [
        f"tier          {report.tier}{'' if report.pinged_unix else ' (assumed, no ping so far)'}",
        *(f"{window.name:<14}{_line(window)}" for window in report.uploads),
        f"status calls  {calls} in the last hour",
        f"forecast      {report.forecast_week} uploads in 7 days at the pace of the last 24 hours: "
        f"{fits}",
    ]


def _line(window: Window) -> str:
    text = window.sentence().replace(f" in {window.name}", "")
    if window.next_free_s is None or window.most is None:
        return text
    hours, minutes = divmod(round(window.next_free_s / 60), 60)
    return f"{text}; the next slot frees in {hours} h {minutes} min"
