"""The plugin's face to the host. Importing it loads neither numpy nor native code."""

from __future__ import annotations

from collections.abc import Callable

from parsekit import Check, ParserEntry, Session, hookimpl
from parsekit_local.version import PARSER_VERSION

parsekit_hook_version = 1


@hookimpl
def parsekit_register_parsers(register: Callable[[ParserEntry], None]) -> None:
    """Offer the parser ``local``."""
    register(
        ParserEntry(
            name="local",
            version=PARSER_VERSION,
            create="parsekit_local.parser:LocalParser",
            runs="local",
            confinement="strict",
            reader=_reader,
        )
    )


@hookimpl
def parsekit_register_checks(
    session: Session, register: Callable[[str, Callable[[], list[Check]]], None]
) -> None:
    """Offer to say which reader is in use, where the configuration uses this parser."""
    host = session.config.host
    if "local" in (host.parser, *host.fallback, host.shadow):
        register("local", _check)


def _reader() -> str:
    from parsekit_local.stream import readers  # noqa: PLC0415  (loads native code)

    return readers.in_use()


def _check() -> list[Check]:
    from parsekit_local.stream import readers  # noqa: PLC0415  (loads native code)

    name, why_not = "local reader", readers.why_not_native()
    if why_not is None:
        return [Check(name=name, ok=True, detail=readers.in_use())]
    advice = "install parsekit-local[native]: the same results in a fraction of time and memory"
    return [Check(name=name, ok=None, detail=f"{readers.in_use()}: {why_not}", advice=advice)]
