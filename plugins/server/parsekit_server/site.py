"""The whole server below its web side: catalogue, files and queue, opened and closed together."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Protocol

from parsekit import OwnedFolder, Page, Session
from parsekit.errors import ConfigInvalid
from parsekit_server.access import Role, Viewer
from parsekit_server.catalogue.accounts import Accounts
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.group_listing import GroupListing
from parsekit_server.catalogue.groups import GroupChanges, Groups, NewGroup
from parsekit_server.catalogue.listing import Listing
from parsekit_server.catalogue.ratings import Ratings
from parsekit_server.catalogue.replays import ReplayChanges, Replays
from parsekit_server.catalogue.rows import GroupRow
from parsekit_server.catalogue.work_list import WorkList
from parsekit_server.disk_space import DiskSpace
from parsekit_server.errors import NotSignedIn
from parsekit_server.match_contents import MatchContents
from parsekit_server.memory.group_games import GroupGames
from parsekit_server.metrics import UPLOADS, ServerCounters
from parsekit_server.ranks import Rank
from parsekit_server.replay_files import Draft, ReplayFiles
from parsekit_server.settings import ServerSettings
from parsekit_server.tokens import digest, new_token
from parsekit_server.uploads import Receipt, Upload, accept
from parsekit_server.work_queue import Parse, WorkQueue

_FOLDER, _CATALOGUE, _LOCK = "server", "catalogue.sqlite3", "server.lock"
#: Shared by who adds replays without being the server.
_DRAFTS_LOCK = "drafts.lock"


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
    work_list: WorkList
    files: ReplayFiles
    queue: WorkQueue
    space: DiskSpace
    tally: ServerCounters
    record: ChangeRecorder
    contents: MatchContents
    max_bytes: int
    drop_result: Callable[[str], None]

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
        self.tally.add(UPLOADS, verdict=receipt.verdict)
        if receipt.verdict == "accepted":
            self.queue.notify()
            what = _told("upload", visibility=upload.visibility.value, group=upload.group_id)
            self.record(_caller(viewer), replay=receipt.replay_id, written=[what])
        return receipt

    def change_replay(self, replay_id: str, changes: ReplayChanges, viewer: Viewer) -> None:
        """Change a replay of the viewer's. Raises `NotFound`, `Forbidden`."""
        self.replays.change(replay_id, changes, viewer)
        what = _told("replay", **asdict(changes))
        self.record(_caller(viewer), replay=replay_id, written=[what])

    def delete_replay(self, replay_id: str, viewer: Viewer) -> None:
        """Delete a replay with its file and the stored result. Raises `NotFound`, `Forbidden`."""
        row = self.replays.delete(replay_id, viewer)
        self.files.delete(row.id)
        self.contents.forget(row.id)
        if row.result_key is not None:
            self.drop_result(row.result_key)
        self.record(_caller(viewer), replay=row.id, removed=["replay"])

    def create_group(self, new: NewGroup, viewer: Viewer) -> GroupRow:
        """Make a group of the viewer's. Raises as `Groups.create`."""
        group = self.groups.create(new, viewer)
        what = _told(f"group {group.id}", name=new.name, parent=new.parent_id)
        self.record(_caller(viewer), written=[what])
        return group

    def change_group(self, group_id: str, changes: GroupChanges, viewer: Viewer) -> None:
        """Change a group of the viewer's. Raises as `Groups.change`."""
        self.groups.change(group_id, changes, viewer)
        what = _told(f"group {group_id}", **asdict(changes))
        self.record(_caller(viewer), written=[what])

    def delete_group(self, group_id: str, viewer: Viewer) -> None:
        """Delete a group and those below it; their replays stay, in no group."""
        self.groups.delete(group_id, viewer)
        self.record(_caller(viewer), removed=[f"group {group_id}"])

    def add_token(self, name: str, role: Role, group_id: str | None, viewer: Viewer) -> str:
        """Make a token for this name. Raises `Forbidden`, and as `Accounts.add_token`."""
        viewer.check_administers()
        token = new_token(of_group=role is Role.GROUP)
        self.accounts.add_token(name, role, digest(token), group_id=group_id)
        what = _told(f"token of {name}", role=role.value, group=group_id)
        self.record(_caller(viewer), written=[what])
        return token

    def revoke_token(self, number: str, viewer: Viewer) -> int:
        """End the token of this number; how many ended. Raises `Forbidden`."""
        viewer.check_administers()
        ended = self.accounts.revoke(number)
        if ended:
            self.record(_caller(viewer), removed=[f"token {number}"])
        return ended

    def report_ranks(self, match_guid: str, ranks: Mapping[str, Rank], viewer: Viewer) -> None:
        """Keep the ranks of a match. Raises `Forbidden`."""
        self.ratings.add(viewer.check_uploads(), match_guid, ranks)
        self.record(_caller(viewer), written=[f"ranks of match {match_guid}"])


def _caller(viewer: Viewer) -> str:
    return f"serve {viewer.name}"


def _told(what: str, **fields: object) -> str:
    """What was written, with the fields that were given."""
    given = ", ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    return f"{what}: {given}" if given else what


class ChangeRecorder(Protocol):
    """Puts on record what was done for a caller."""

    def __call__(
        self,
        caller: str,
        *,
        replay: str = "",
        written: Sequence[str] = (),
        removed: Sequence[str] = (),
    ) -> None:
        """See `parsekit.Parsing.record`."""
        ...


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

    @property
    def record(self) -> ChangeRecorder:
        """Puts on record what was done for a caller."""
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
        settings = session.config.section(ServerSettings)
        limits = session.config.limits
        space, tally = (
            DiskSpace(folder.path, reserve_bytes=settings.reserve_bytes),
            ServerCounters(),
        )
        files = opened.enter_context(_open_files(folder, space, limits.replay_bytes))
        with _drafts_lock(folder) as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files.sweep()
        replays = Replays(database)

        def drop_result(key: str) -> None:
            if not replays.uses(key):
                parsing.delete_result(key)

        queue = WorkQueue(
            *(replays, files.path, parsing.parse),
            space=space,
            tally=tally,
            threads=parsing.slots,
            drop_result=drop_result,
        )
        queue.start()
        opened.callback(queue.close)
        contents = MatchContents(parsing, files.path)
        opened.callback(contents.close)
        yield ReplaySite(
            settings=settings,
            accounts=Accounts(database),
            replays=replays,
            ratings=Ratings(database),
            listing=Listing(database),
            groups=Groups(database),
            group_listing=GroupListing(database),
            group_games=GroupGames(replays),
            work_list=WorkList(database),
            files=files,
            queue=queue,
            space=space,
            tally=tally,
            record=parsing.record,
            contents=contents,
            max_bytes=limits.replay_bytes,
            drop_result=drop_result,
        )


@contextmanager
def open_catalogue(session: Session) -> Iterator[Database]:
    """The catalogue alone, beside a server that has it open. Raises `ConfigInvalid`."""
    with _database(session) as database:
        database.upgrade(only_new=True)
        yield database


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStore:
    """Catalogue and files, without a server's queue; ``folder`` is that of the server's data."""

    folder: OwnedFolder
    database: Database
    files: ReplayFiles


@contextmanager
def open_store(session: Session) -> Iterator[ReplayStore]:
    """Catalogue and files, beside a server that has them open, which parses what is added.

    Raises `ConfigInvalid`. No server that begins meanwhile takes what is added for what a crash
    left.
    """
    reserve_bytes = session.config.section(ServerSettings).reserve_bytes
    with (
        _own_folder(session) as folder,
        _drafts_lock(folder) as lock,
        open_catalogue(session) as database,
        _open_files(
            folder,
            DiskSpace(folder.path, reserve_bytes=reserve_bytes),
            session.config.limits.replay_bytes,
        ) as files,
    ):
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield ReplayStore(folder=folder, database=database, files=files)


def _open_files(folder: OwnedFolder, space: DiskSpace, max_bytes: int) -> closing[ReplayFiles]:
    return closing(ReplayFiles(folder.below("replays", make=True), space, max_bytes=max_bytes))


@contextmanager
def _drafts_lock(folder: OwnedFolder) -> Iterator[int]:
    lock = folder.own_file(_DRAFTS_LOCK, os.O_RDWR | os.O_CREAT)
    try:
        yield lock
    finally:
        os.close(lock)


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
