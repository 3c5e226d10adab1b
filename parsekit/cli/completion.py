"""Values that a shell completes."""

from __future__ import annotations


def parser_names(incomplete: str) -> list[str]:
    """Names of the parsers that are installed; a plugin that fails must not disturb typing."""
    from parsekit.host.host import Host  # noqa: PLC0415  (only when somebody presses Tab)

    return sorted(name for name, _ in Host.load().parsers.items() if name.startswith(incomplete))
