"""The page of each session, written anew whenever a match has joined it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from parsekit.model import Outcome
from parsekit.providers import Page
from parsekit.storage.atomic import Folder
from parsekit.watch.record import WatchRecord


class SessionPages:
    """Pages in one folder; only the matches of one session are in memory.

    ``begin_page`` makes an empty one. ``parse`` reads the matches of a session again, which is
    gone on with after another, or after a restart: what was stored of them has no events.
    ``written`` is told the path and title of each page.
    """

    def __init__(
        self,
        folder: Path,
        record: WatchRecord,
        begin_page: Callable[[], Page],
        parse: Callable[[Sequence[str]], Iterator[Outcome]],
        written: Callable[[Path, str], None],
    ) -> None:
        self._folder, self._record = folder, record
        self._begin_page, self._parse, self._written = begin_page, parse, written
        self._session = ""
        self._page: Page | None = None
        self._changed = False
        with Folder.open(folder, make=True) as made:
            made.sweep_drafts()

    def add(self, session: str, outcome: Outcome) -> None:
        """Add a match that the record has; the page of another session is written first."""
        if session != self._session or self._page is None:
            self.write()
            self._page = self._with_matches(session, but=outcome.hash)
            self._session = session
        self._page.add(outcome)
        self._changed = True

    def restore(self, session: str) -> None:
        """Begin a page of what the record has, as the process that did it has not written it."""
        self._page, self._session = self._with_matches(session), session
        self._changed = True

    def write(self) -> None:
        """Write the page, if a match was added. Raises OSError."""
        if self._page is None or not self._changed:
            return
        title, text = self._page.text()
        name = f"{self._session}.html"
        with Folder.open(self._folder) as folder:
            folder.write(name, (part.encode() for part in text))
        self._record.add_page(self._session)
        self._changed = False
        self._written(self._folder / name, title)

    def _with_matches(self, session: str, *, but: str = "") -> Page:
        page = self._begin_page()
        known = {
            each.path: each.sha256
            for each in self._record.matches_of(session)
            if each.sha256 != but and Path(each.path).is_file()
        }
        for outcome in self._parse(tuple(known)) if known else ():
            if outcome.ok and outcome.hash == known[outcome.replay]:
                page.add(outcome)
        return page
