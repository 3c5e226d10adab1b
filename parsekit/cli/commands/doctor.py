"""``parsekit doctor``: try everything that the configuration names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.api import open_session
from parsekit.cli.exit import ExitCode, writing_output
from parsekit.cli.options import ConfigFile, ListFormat, ListKind
from parsekit.config import CelerySettings
from parsekit.diagnostics.doctor import examine
from parsekit.diagnostics.security import security_checks
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.providers import Check
from parsekit.records.audit_trail import on_record
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)

if TYPE_CHECKING:
    from parsekit.config import Config
    from parsekit.diagnostics.doctor import Try

_MARKS = {True: "ok  ", False: "FAIL", None: "-   "}


@app.command()
def doctor(
    config: ConfigFile = None,
    kind: ListKind = ListFormat.TABLE,
    security: Annotated[
        bool,
        typer.Option("--security", help="Look at encryption, secrets and the sandbox instead."),
    ] = False,
) -> None:
    """Try each component that the configuration names, and say what to do about each failure.

    Exit code 0 when all work, 1 when one does not, 2 when the configuration can't be used.
    """
    host = Host.load()
    session = open_session(config, host=host, role="cli")
    if security:
        checks = [*security_checks(session, host), *_service_security(session.config)]
    else:
        checks = _examined(session, host)
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps([check.to_json() for check in checks], indent=2))
        else:
            typer.echo("\n".join(line for check in checks for line in _lines(check)))
    if any(check.ok is False for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _examined(session: Session, host: Host) -> list[Check]:
    """Try everything, on record: what is tried is written to and read from."""
    with on_record(host, session, "doctor") as audit, audit.doing() as operation:
        checks = examine(session, host, _service_checks(session.config), operation.trail)
        operation.fault = ", ".join(check.name for check in checks if check.ok is False)
    return checks


def _service_checks(config: Config) -> list[tuple[str, Try]]:
    """The service's own checks, when there is a service; its libraries are an extra."""
    if config.section(CelerySettings).broker is None:
        return []
    from parsekit.client.checks import service_checks  # noqa: PLC0415

    return service_checks(config)


def _service_security(config: Config) -> list[Check]:
    if config.section(CelerySettings).broker is None:
        return []
    from parsekit.client.checks import pickle_check  # noqa: PLC0415

    return [pickle_check(config)]


def _lines(check: Check) -> list[str]:
    lines = [f"{_MARKS[check.ok]}  {printable(check.name)}: {printable(check.detail)}"]
    if check.advice and check.ok is not True:
        lines.append(f"      {printable(check.advice)}")
    return lines
