"""What is promised: told beside what was measured, so that a run with a broken promise fails."""

from __future__ import annotations

_missed: list[str] = []


def promise(what: str, measured: str, limit: str, *, kept: bool) -> None:
    """Print one: `promise("worker memory", "79 MiB", "<= 90", kept=True)`."""
    print(f"   {what}: {measured}   (promised {limit}{'' if kept else ': MISSED'})")
    if not kept:
        _missed.append(f"{what}: {measured}, not {limit}")


def missed() -> list[str]:
    """Every promise that was not kept since this program began."""
    return _missed.copy()
