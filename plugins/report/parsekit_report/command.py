"""What the host finds: the command ``parsekit report``, and the page of ``parsekit watch``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from parsekit import hookimpl

if TYPE_CHECKING:
    from parsekit import Outcome, Page


@hookimpl
def parsekit_page() -> Page:
    """Begin the page of a session, which ``parsekit watch --report`` keeps."""
    from parsekit_report.page import SessionPage  # noqa: PLC0415  (Jinja2)

    return SessionPage()


def report(
    replays: list[str],
    output: Path = Path("report.html"),
    player: str | None = None,
    last: int | None = None,
    config: Path | None = None,
) -> None:
    """Write the page of a match, a series, a player or a season, as one HTML file.

    REPLAYS are files, folders, globs and URLs, as for parsekit parse. One replay gives the page of
    a match, several that of a series or season. With --player NAME (or PLATFORM:ID) only matches
    of that player are on it, with --last N the newest N.
    """
    from parsekit import Folder, parse_all  # noqa: PLC0415  (help is shown without it)
    from parsekit.errors import BadRequest  # noqa: PLC0415
    from parsekit_report.collection import collect  # noqa: PLC0415
    from parsekit_report.page import page_of  # noqa: PLC0415

    if last is not None and last < 1:
        raise BadRequest(f"--last {last} leaves no match; give 1 or more")
    with _writing(output):
        folder = Folder.open(output.parent)
    with folder:
        outcomes = _Successes(parse_all(replays, config=config, timeline=True))
        collection = collect(outcomes, player=player, last=last)
        if not collection.entries:
            who = f" with a player {player!r}" if player else ""
            _say(f"no page was written: there is no replay{who} that could be parsed")
            raise SystemExit(1)
        title, text = page_of(collection)
        with _writing(output):
            folder.write(output.name, (part.encode() for part in text))
    _say(f"{output}: {title}")
    if outcomes.failed:
        raise SystemExit(1)


class _Successes:
    """Outcomes that are no failures; those are named on the error stream, and counted."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._outcomes = outcomes
        self.failed = 0

    def __iter__(self) -> Iterator[Outcome]:
        for outcome in self._outcomes:
            if outcome.failure is None:
                yield outcome
            else:
                self.failed += 1
                _say(f"{outcome.replay}: {outcome.failure.message}")


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Raise `BadRequest` where the system denies the file or its folder."""
    from parsekit.errors import BadRequest  # noqa: PLC0415

    try:
        yield
    except OSError as error:
        raise BadRequest(f"--output {target} can't be written: {error.strerror}") from error


def _say(message: str) -> None:
    """Print on the error stream what names of strangers may be in."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
    sys.stderr.write(f"{shown}\n")
