"""The plugin's face to the host. Importing it loads neither numpy nor native code."""

from __future__ import annotations

from collections.abc import Callable

from parsekit import ParserEntry, hookimpl
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
        )
    )
