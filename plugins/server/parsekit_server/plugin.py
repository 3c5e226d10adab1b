"""What this distribution offers to the host: a section of the configuration."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from parsekit import hookimpl
from parsekit_server.settings import ServerSettings


@hookimpl
def parsekit_register_sections(register: Callable[[str, type[BaseModel]], None]) -> None:
    """Declare section `server`."""
    register("server", ServerSettings)
