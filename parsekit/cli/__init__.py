"""The command line.

Start-up is lazy: `parsekit.cli.command_list` knows every command by name and line of help, and its
module is imported when the command is used.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with one of the published exit codes."""
    from parsekit.cli.app import run  # noqa: PLC0415  (importing parsekit.cli costs nothing)

    raise SystemExit(run())
