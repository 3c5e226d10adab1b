"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ListFormat(StrEnum):
    """What ``--format`` takes where something is listed."""

    TABLE = "table"
    JSON = "json"


ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Read this configuration.")
]
ListKind = Annotated[ListFormat, typer.Option("--format", "-f", help="For people or programs.")]
