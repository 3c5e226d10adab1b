"""The contract of everything that takes outcomes one by one, and the formats by name."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from parsekit.model import Outcome


class Format(StrEnum):
    """What ``--format`` takes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Takes outcomes in input order and shows each as soon as it can."""

    def write(self, outcome: Outcome) -> None:
        """Show one outcome. May raise `OSError`, and `ParsekitError` about this outcome alone."""

    def close(self) -> None:
        """End the output in a form that can be read, also after an interruption."""
