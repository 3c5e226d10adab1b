"""Which file is the configuration: one that the user named, or one where only the user writes.

A folder of replays may come from anywhere, so a file in it is never one by itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from parsekit.redaction.secrets import cleaned
from parsekit.redaction.terminal_text import printable

ENV_FILE = "PARSEKIT_CONFIG"
FILE_NAME = "parsekit.json"
_OF_THE_MACHINE = Path("/etc/parsekit") / FILE_NAME


def chosen_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """``path``, else ``$PARSEKIT_CONFIG``, else the first default file that is there."""
    if path is not None:
        return path
    if named := environ.get(ENV_FILE):
        return Path(named)
    return next((file for file in _default_files() if is_file(file)), None)


def remarks(path: Path | None, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What a user should know: the file that is used, where it is no default one.

    And a file of the current folder that might be thought to be used.
    """
    chosen = chosen_file(path, environ)
    if chosen is not None and chosen not in _default_files():
        yield f"configuration: {chosen}"
    here = Path(FILE_NAME)
    if is_file(here) and not (chosen and is_file(chosen) and chosen.samefile(here)):
        yield (f"the {FILE_NAME} of this folder is not read; to use it: --config {FILE_NAME}")


def print_remarks(path: Path | None) -> None:
    """Say it on standard error, apart from all results."""
    for remark in remarks(path):
        print(printable(cleaned(remark)), file=sys.stderr)  # noqa: T201


def _default_files() -> list[Path]:
    """The user's own, then the machine's; a user without a home has none."""
    from platformdirs import user_config_path  # noqa: PLC0415  (costs milliseconds)

    try:
        return [user_config_path("parsekit", appauthor=False) / FILE_NAME, _OF_THE_MACHINE]
    except RuntimeError:
        return [_OF_THE_MACHINE]


def is_file(path: Path) -> bool:
    """Whether there is one, as far as this user can see."""
    try:
        return path.is_file()
    except OSError:  # no right to look, or no name that a file can have
        return False
