"""The whole server below its web side: catalogue, files and queue, opened and closed together."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from parsekit import OwnedFolder, Page, Session
from parsekit.errors import ConfigInvalid
from parsekit_server.access import Viewer
from parsekit_server.catalogue.accounts import Accounts
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.group_listing import GroupListing
from parsekit_server.catalogue.groups import Groups
from parsekit_server.catalogue.listing import Listing
from parsekit_server.catalogue.ratings import Ratings
from parsekit_server.catalogue.replays import Replays
from parsekit_server.errors import NotSignedIn
from parsekit_server.group_games import GroupGames
from parsekit_server.match_contents import MatchContents
from parsekit_server.replay_files import Draft, ReplayFiles
from parsekit_server.settings import ServerSettings
from parsekit_server.tokens import digest
from parsekit_server.uploads import Receipt, Upload, accept
from parsekit_server.work_queue import Parse, WorkQueue

_FOLDER, _CATALOGUE, _LOCK = "server", "catalogue.sqlite3", "server.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySite:
    """What answers to calls are made of."""

    settings: ServerSettings
    accounts: Accounts
    replays: Replays
    ratings: Ratings
    listing: Listing
    groups: Groups
    group_listing: GroupListing
    group_games: GroupGames
    files: ReplayFiles
    queue: WorkQueue
    contents: MatchContents
    max_bytes: int
    delete_result: Callable[[str], None]

    def viewer(self, token: str) -> Viewer:
        """Who brings this token. Raises `NotSignedIn`."""
        if not token:
            raise NotSignedIn("missing API key")
        viewer = self.accounts.viewer(digest(token))
        if viewer is None:
            raise NotSignedIn("invalid API key")
        return viewer

    def accept(self, draft: Draft, upload: Upload, viewer: Viewer) -> Receipt:
        """Keep an upload, and have it parsed. Raises as `parsekit_server.uploads.accept`."""
        receipt = accept(draft, upload, viewer, self.replays)
        if receipt.verdict == "accepted":
            self.queue.notify()
        return receipt

    def delete_replay(self, replay_id: str, viewer: Viewer) -> None:
        """Delete a replay with its file and the stored result. Raises `NotFound`, `Forbidden`."""
        row = self.replays.delete(replay_id, viewer)
        self.files.delete(row.id)
        self.contents.forget(row.id)
        if row.result_key is not None and not self.replays.uses(row.result_key):
            self.delete_result(row.result_key)


class Parses(Protocol):
    """What parses for the site: `parsekit.Parsing`."""

    @property
    def session(self) -> Session:
        """Configuration and data folder."""
        ...

    @property
    def slots(self) -> int:
        """How many replays are parsed at once."""
        ...

    @property
    def remote(self) -> bool:
        """Whether the parser sends replays away."""
        ...

    def begin_page(self) -> Page:
        """Begin a page of matches."""
        ...

    @property
    def parse(self) -> Parse:
        """Parse the replay in a file."""
        ...

    def delete_result(self, key: str) -> None:
        """Delete a stored result."""
        ...


@contextmanager
def open_site(parsing: Parses) -> Iterator[ReplaySite]:
    """Open everything, and parse what waits.

    Raises `ConfigInvalid`, also where another server has the data folder.
    """
    session = parsing.session
    with ExitStack() as opened:
        folder = opened.enter_context(_own_folder(session))
        opened.enter_context(_only_one(folder))
        database = opened.enter_context(_database(session))
        database.upgrade()
        limits = session.config.limits
        files = ReplayFiles(folder.below("replays", make=True), max_bytes=limits.replay_bytes)
        opened.callback(files.close)
        files.sweep()
        replays = Replays(database)
        queue = WorkQueue(replays, files.path, parsing.parse, threads=parsing.slots)
        queue.start()
        opened.callback(queue.close)
        contents = MatchContents(parsing, files.path)
        opened.callback(contents.close)
        yield ReplaySite(
            settings=session.config.section(ServerSettings),
            accounts=Accounts(database),
            replays=replays,
            ratings=Ratings(database),
            listing=Listing(database),
            groups=Groups(database),
            group_listing=GroupListing(database),
            group_games=GroupGames(replays),
            files=files,
            queue=queue,
            contents=contents,
            max_bytes=limits.replay_bytes,
            delete_result=parsing.delete_result,
        )


@contextmanager
def open_catalogue(session: Session) -> Iterator[Database]:
    """The catalogue alone, beside a server that has it open. Raises `ConfigInvalid`."""
    with _database(session) as database:
        database.upgrade(only_new=True)
        yield database


def _database(session: Session) -> closing[Database]:
    settings = session.config.section(ServerSettings)
    if settings.database is not None:
        password = settings.database_password()
        secret = None if password is None else password.get_secret_value()
        return closing(Database.at(settings.database.get_secret_value(), secret))
    with _own_folder(session) as folder:
        os.close(folder.own_file(_CATALOGUE, os.O_RDWR | os.O_CREAT))
        return closing(Database.in_file(folder.path / _CATALOGUE))


def _own_folder(session: Session) -> OwnedFolder:
    try:
        return OwnedFolder.open(session.data_dir, _FOLDER, make=True)
    except OSError as error:
        raise ConfigInvalid(f"the data folder can't be used: {error}") from error


@contextmanager
def _only_one(folder: OwnedFolder) -> Iterator[None]:
    lock = folder.own_file(_LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigInvalid(f"a server has {folder.path} open; end it first") from error
    finally:
        os.close(lock)
