"""Folders held by a descriptor: who may use them, what is left alone, and what others can read."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit.config import FolderSettings
from parsekit.errors import StorageDenied
from parsekit.providers import ProviderContext, Storage
from parsekit.storage import atomic
from parsekit.storage.atomic import ABANDONED_AFTER_S, DRAFT, Folder, NotOurs, OwnedFolder
from parsekit.storage.folder import open_folder
from parsekit.testing import believable_match, write_replay

NOBODY = 65_534
OF_ANOTHER = os.geteuid() + 1


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    (tmp_path / "home/tmp").mkdir(parents=True)
    (tmp_path / "downloads").mkdir()
    return CommandLine(folder=tmp_path / "downloads", home=tmp_path / "home")


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Let a path belong to another user, whoever runs the tests."""
    theirs: set[int] = set()
    real = {name: getattr(os, name) for name in ("stat", "fstat")}

    def owning(name: str) -> Callable[..., os.stat_result]:
        def owned(*arguments: object, **named: object) -> os.stat_result:
            found = real[name](*arguments, **named)
            if found.st_ino not in theirs:
                return found
            return os.stat_result((*found[:4], OF_ANOTHER, *found[5:10]))

        return owned

    for name in real:
        monkeypatch.setattr(os, name, owning(name))
    yield lambda path: theirs.add(real["stat"](path).st_ino)
    monkeypatch.undo()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_link_for_our_drafts_in_a_downloaded_folder_deletes_nothing(
    cli: CommandLine, tmp_path: Path
) -> None:
    keys = tmp_path / "ssh"
    keys.mkdir()
    hours_ago = time.time() - 3 * ABANDONED_AFTER_S
    for name in ("id_ed25519", f"{DRAFT}-{'0' * 32}"):
        (keys / name).write_bytes(b"precious")
        os.utime(keys / name, (hours_ago, hours_ago))
    write_replay(cli.folder / "any.replay", believable_match(seed=1), frames=0)
    for name in (".parsekit-drafts", f".parsekit-drafts-{os.geteuid()}"):
        (cli.folder / name).symlink_to(keys)
    (cli.folder / "settings.json").write_text('{"folder": {"path": "."}}')
    done = cli.run("parse", "--config", "settings.json", "any.replay")
    assert done.returncode == 0, done.stderr
    assert b"a symbolic link stands there, and is not touched; remove it" in done.stderr
    assert sorted(path.name for path in keys.iterdir()) == [f"{DRAFT}-{'0' * 32}", "id_ed25519"]


def test_nobody_else_reads_what_stands_in_the_data_folder(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_replay(cli.folder / "any.replay", believable_match(seed=1), frames=0)
    before = os.umask(0)
    try:
        assert cli.run("parse", "any.replay").returncode == 0
    finally:
        os.umask(before)
    (data,) = [path for path in (tmp_path / "home").rglob("parsekit") if path.is_dir()]
    found = [data, *data.rglob("*")]
    assert {path.name for path in found} >= {"analytics", "audit.jsonl", "provenance.key"}
    assert any(path.suffix == ".json" and "parsed" in path.parts for path in found)
    wrong = {path: oct(mode(path)) for path in found if mode(path) & 0o077}
    assert wrong == {}


def test_a_link_in_place_of_the_whole_data_folder_is_the_users_own(
    cli: CommandLine, tmp_path: Path
) -> None:
    write_replay(cli.folder / "any.replay", believable_match(seed=1), frames=0)
    (tmp_path / "disk").mkdir()
    share = tmp_path / "home/.local/share"
    share.mkdir(parents=True)
    (share / "parsekit").symlink_to(tmp_path / "disk")
    assert cli.run("parse", "any.replay").returncode == 0
    assert list((tmp_path / "disk/analytics").glob("*.jsonl"))


def test_what_a_link_leads_to_is_neither_opened_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/link").symlink_to(tmp_path / "file")
    with OwnedFolder.open(tmp_path / "ours") as folder:
        for act in (folder.read, lambda name: folder.own_file(name, os.O_WRONLY)):
            with pytest.raises(NotOurs) as caught:
                act("link")
            assert (caught.value.errno, caught.value.filename) == (
                errno.ELOOP,
                str(tmp_path / "ours/link"),
            )
        folder.delete_own("link")
        assert (tmp_path / "ours/link").is_symlink()
        folder.write("link", (b"new",))
    assert (tmp_path / "file").read_bytes() == b"precious"
    assert (tmp_path / "ours/link").read_bytes() == b"new"


def test_a_folder_that_is_a_link_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(NotOurs, match="a symbolic link stands there"):
        OwnedFolder.open(tmp_path / "link", make=True)
    with Folder.open(tmp_path / "link") as named:  # who named it may have it where he likes
        named.write("a", (b"x",))
        with pytest.raises(NotOurs, match="a symbolic link"), Folder.open(tmp_path) as above:
            above.below("link")
    assert (tmp_path / "there/a").read_bytes() == b"x"


def test_what_belongs_to_another_user_stays(
    tmp_path: Path, give_away: Callable[[Path], None]
) -> None:
    for name in ("theirs.json", "ours.json"):
        (tmp_path / name).write_bytes(b"{}")
    for name in ("theirs.d", "ours.d"):
        (tmp_path / name).mkdir()
    for name in ("theirs.json", "theirs.d"):
        give_away(tmp_path / name)
    with OwnedFolder.open(tmp_path) as folder:
        assert folder.own_names(".json") == ["ours.json"]
        assert folder.own_folders(".d") == ["ours.d"]
        folder.delete_own("theirs.json")
        folder.delete_own_tree("theirs.d")
        for act in (
            lambda: folder.own_file("theirs.json", os.O_WRONLY),
            lambda: folder.write("theirs.json", (b"new",)),
            lambda: folder.delete("theirs.json"),
            lambda: folder.rename_own("ours.json", "theirs.json"),
        ):
            with pytest.raises(NotOurs):
                act()
        assert folder.names() == ["ours.d", "ours.json", "theirs.d", "theirs.json"]
    give_away(tmp_path)
    with pytest.raises(NotOurs, match=f"it belongs to user {OF_ANOTHER}"):
        OwnedFolder.open(tmp_path)


def test_only_old_drafts_are_swept(tmp_path: Path) -> None:
    hours_ago = time.time() - 2 * ABANDONED_AFTER_S
    for name in (f"{DRAFT}-old", f"{DRAFT}-young", "old"):
        (tmp_path / name).write_bytes(b"x")
        if "old" in name:
            os.utime(tmp_path / name, (hours_ago, hours_ago))
    with Folder.open(tmp_path) as folder:
        folder.sweep_drafts()
        assert folder.names() == [f"{DRAFT}-young", "old"]


def test_a_name_with_a_path_in_it_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with Folder.open(tmp_path) as folder:
        for name in ("../a", "a/b", "", ".", ".."):
            with pytest.raises(ValueError, match="is no name of one file"):
                folder.write(name, (b"x",))
            with pytest.raises(ValueError, match="is no name of one file"):
                folder.below(name)
        assert folder.names() == []


def test_a_write_that_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"half"
        raise InterruptedError

    with Folder.open(tmp_path) as folder:
        with pytest.raises(InterruptedError):
            folder.write("a", blocks())
        assert folder.names() == []


def test_descriptors_do_not_pile_up(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    before = _lowest_free_descriptor()
    for _ in range(5):
        with OwnedFolder.open(tmp_path / "a", "b", make=True) as folder:
            folder.write("c", (b"x",))
            folder.read("c")
        for names in (("link", "b"), ("a", "b", "c")):
            with pytest.raises((NotOurs, NotADirectoryError)):
                OwnedFolder.open(tmp_path, *names)
        with OwnedFolder.open(tmp_path) as folder, pytest.raises(NotOurs, match="than a file"):
            folder.file("pipe")
    assert _lowest_free_descriptor() == before


def _lowest_free_descriptor() -> int:
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


def _shared(folder: Path) -> Storage:
    settings = FolderSettings(path=str(folder))
    return open_folder(ProviderContext(settings=settings, data_dir=folder.parent / "data"))


def test_a_server_that_maps_all_users_to_one_can_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stat", "fstat"):
        real = getattr(os, name)

        def mapped(
            *arguments: object, real: Callable[..., os.stat_result] = real, **named: object
        ) -> os.stat_result:
            found = real(*arguments, **named)
            return os.stat_result((*found[:4], OF_ANOTHER, *found[5:10]))

        monkeypatch.setattr(atomic.os, name, mapped)
    storage = _shared(tmp_path / "nas")
    storage.write("parsed/a", b"x")
    storage.write("parsed/a", b"y")
    assert storage.read("parsed/a") == b"y"
    storage.delete("parsed/a")
    assert storage.read("parsed/a") is None


@pytest.fixture
def team() -> Iterator[Path]:
    """A folder that all users can reach: those of pytest are private."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        folder = Path(name, "team")
        folder.mkdir()
        folder.chmod(0o777)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_two_users_share_a_folder_of_results(team: Path) -> None:
    before = os.umask(0o002)
    try:
        _shared(team).write("parsed/a", b"of root")
    finally:
        os.umask(before)
    for path in (team / "parsed", team):
        path.chmod(0o777)

    def another() -> None:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        storage = _shared(team)
        assert storage.read("parsed/a") == b"of root"
        storage.write("parsed/b", b"of nobody")
        storage.write("parsed/a", b"replaced by nobody")

    assert _in_child(another) == 0
    assert _shared(team).read("parsed/a") == b"replaced by nobody"
    assert sorted(path.name for path in team.iterdir() if path.name.startswith(DRAFT)) == [
        f"{DRAFT}s-0",
        f"{DRAFT}s-{NOBODY}",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_drafts_of_another_user_are_no_place_for_ours(tmp_path: Path) -> None:
    drafts = tmp_path / "team" / f"{DRAFT}s-0"
    drafts.mkdir(parents=True)
    os.chown(drafts, NOBODY, NOBODY)
    with pytest.raises(StorageDenied, match=f"{drafts}: it belongs to user {NOBODY}"):
        _shared(tmp_path / "team").write("a", b"x")


def _in_child(work: Callable[[], None]) -> int:
    def run() -> None:
        work()
        sys.exit(0)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(60)
    assert child.exitcode is not None
    return child.exitcode
