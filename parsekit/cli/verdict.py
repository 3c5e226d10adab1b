"""The exit code of a command that takes many replays."""

from __future__ import annotations

from collections.abc import Collection

from parsekit.cli.failures import ExitCode
from parsekit.errors import ConfigInvalid, ParsekitError, ReplayNotFound


def verdict(*, replays: int, failed: int, barren: Collection[ParsekitError]) -> ExitCode:
    """Usage error when the arguments name nothing at all, else whether everything went well.

    ``barren`` is what was said of arguments and folders that have no replay.
    """
    nothing_there = (ReplayNotFound, ConfigInvalid)
    if barren and replays == 0 and all(isinstance(e, nothing_there) for e in barren):
        return ExitCode.USAGE
    return ExitCode.FAILED if failed or barren else ExitCode.OK
