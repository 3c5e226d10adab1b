from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from parsekit.config import FolderSettings
from parsekit.errors import (
    BadRequest,
    ConfigInvalid,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.providers import LARGEST_READ_BYTES, ProviderContext, Storage, StorageEntry
from parsekit.storage import folder_plugin
from parsekit.storage.atomic import ABANDONED_AFTER_S
from parsekit.storage.folder import FolderStorage, open_folder
from parsekit.testing.storage import StorageConformance


def made(path: str | None, data_dir: Path = Path()) -> Storage:
    return open_folder(ProviderContext(settings=FolderSettings(path=path), data_dir=data_dir))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return made(str(tmp_path / "objects"))


class TestLocalFolder(StorageConformance):
    @pytest.fixture
    def storage(self, tmp_path_factory: pytest.TempPathFactory) -> Storage:
        return made(str(tmp_path_factory.mktemp("objects")))


class TestMemoryUrl(StorageConformance):
    keeps_first = True

    @pytest.fixture
    def storage(self) -> Storage:
        return made("memory://conformance-of-folder")


class TestFileUrl(StorageConformance):
    @pytest.fixture(params=["file", "local"])
    def storage(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Storage:
        storage = made(f"{request.param}://{tmp_path_factory.mktemp('objects')}")
        assert isinstance(storage, FolderStorage), "fsspec's own driver leaves half files"
        return storage


def files_below(path: Path) -> list[Path]:
    return [found for found in path.rglob("*") if not found.is_dir()]


def test_the_plugin_offers_it_without_importing_it() -> None:
    entries: list[StorageEntry] = []
    folder_plugin.parsekit_register_storages(entries.append)
    (entry,) = entries
    assert (entry.name, entry.settings) == ("folder", FolderSettings)
    assert entry.create == "parsekit.storage.folder:open_folder"


def test_results_stand_in_the_data_folder_when_nothing_is_configured(tmp_path: Path) -> None:
    made(None, tmp_path).write("parsed/a.json", b"{}")
    assert (tmp_path / "results/parsed/a.json").read_bytes() == b"{}"


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made("~/kept").write("a", b"x")
    assert (tmp_path / "kept/a").read_bytes() == b"x"


def test_making_it_touches_no_disk(tmp_path: Path) -> None:
    assert made(str(tmp_path / "new")).read("a") is None
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_url_scheme_is_a_configuration_error() -> None:
    with pytest.raises(ConfigInvalid, match="gopher"):
        made("gopher://host/path")


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../b", "", "a\x00b"])
def test_hostile_keys_are_refused_by_the_storage_itself(storage: Storage, key: str) -> None:
    for act in (storage.head, storage.read, storage.delete, lambda key: storage.write(key, b"x")):
        with pytest.raises(BadRequest):
            act(key)


@pytest.mark.parametrize("key", ["%2e%2e/outside", "a/%252e%252e/%252e%252e/b", "..\\outside"])
def test_keys_that_a_server_would_decode_are_refused_at_a_url_alone(
    storage: Storage, key: str
) -> None:
    assert storage.write(key, b"x")
    assert storage.read(key) == b"x"
    with pytest.raises(BadRequest, match="once it is decoded"):
        made("memory://conformance-of-folder").write(key, b"x")


def test_a_symbolic_link_out_of_the_folder_is_refused(storage: Storage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    storage.write("a", b"x")
    (tmp_path / "objects/folder").symlink_to(outside)
    (tmp_path / "objects/file").symlink_to(outside / "secret")
    for act in (storage.read, storage.head):
        for key in ("folder/secret", "file"):
            with pytest.raises(StorageDenied, match="symbolic link"):
                act(key)
    for change in (lambda key: storage.write(key, b"changed"), storage.delete):
        with pytest.raises(StorageDenied, match="symbolic link"):
            change("folder/secret")
    storage.write("file", b"replaces the link itself")
    assert files_below(outside) == [outside / "secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_a_link_inside_the_folder_is_followed_and_a_loop_is_refused(
    storage: Storage, tmp_path: Path
) -> None:
    storage.write("a", b"x")
    (tmp_path / "objects/link").symlink_to("a")
    (tmp_path / "objects/loop").symlink_to("loop")
    assert storage.read("link") == b"x"
    with pytest.raises(StorageDenied):
        storage.read("loop")


def test_a_named_pipe_or_a_folder_is_not_an_object(storage: Storage, tmp_path: Path) -> None:
    storage.write("folder/a", b"x")
    os.mkfifo(tmp_path / "objects/pipe")
    for key in ("pipe", "folder", "folder/a/below"):
        assert storage.read(key) is None
        with pytest.raises(ReplayNotFound):
            storage.head(key)


def test_of_a_file_that_grows_while_it_is_read_no_more_is_taken_than_was_found(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write("a", b"found")
    found = (tmp_path / "objects/a").stat()
    monkeypatch.setattr(os, "fstat", lambda _: found)
    os.truncate(tmp_path / "objects/a", LARGEST_READ_BYTES + 1)
    assert storage.read("a") == b"found"


@pytest.mark.parametrize("told_bytes", [None, 1])
def test_of_a_server_that_tells_no_size_or_a_wrong_one_no_more_is_taken_than_we_store(
    told_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = made("memory://sizes")
    for key, size_bytes in (("small", 3), ("largest", LARGEST_READ_BYTES)):
        storage.write(key, bytes(size_bytes))
    storage.write("larger", bytes(LARGEST_READ_BYTES + 1))
    facts = {"type": "file", "size": told_bytes}
    monkeypatch.setattr(MemoryFileSystem, "info", lambda *_: facts)
    assert storage.read("small") == bytes(3)
    assert storage.read("largest") == bytes(LARGEST_READ_BYTES)
    assert storage.read("larger") is None


def test_of_a_server_that_can_not_be_reached_nobody_says_what_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    storage = made(f"http://127.0.0.1:{port}/results")
    with pytest.raises(StorageUnavailable, match=r"check the server of folder\.path"):
        storage.head("a.json")
    with pytest.raises(StorageUnavailable):
        storage.read("a.json")


def test_a_driver_that_is_missing_is_named_by_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(_registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigInvalid, match=r'folder\.path: .*pip install "parsekit\[s3\]"'):
        made("s3://bucket/results")


def test_a_file_in_the_way_of_a_folder_is_named(storage: Storage) -> None:
    storage.write("a", b"x")
    storage.write("folder/b", b"x")
    for key in ("a/below", "folder"):
        with pytest.raises(StorageDenied, match="a file stands where a folder belongs"):
            storage.write(key, b"y")


def test_a_name_too_long_for_the_disk_is_the_callers_fault(storage: Storage) -> None:
    with pytest.raises(BadRequest, match="shorten"):
        storage.write("x" * 300, b"y")
    with pytest.raises(BadRequest, match="shorten"):
        storage.read("x" * 300)


def test_new_files_follow_the_umask(storage: Storage, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        storage.write("a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "objects/a").stat().st_mode) == 0o640


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked child and answer its exit code; limits set there end with it."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    code = child.exitcode
    assert code is not None
    return code


def as_nobody(work: Callable[[], None]) -> int:
    """Root may write anywhere, so the child gives its rights away."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        work()

    return in_child(run)


@pytest.fixture
def open_folder_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that another user can reach: pytest's own are private."""
    path = tmp_path_factory.mktemp("open")
    for parent in (path, *path.parents):
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith(("pytest-", "open")):
            parent.chmod(0o755)
    return path


def test_a_folder_that_can_not_be_written_is_denied(open_folder_path: Path) -> None:
    open_folder_path.chmod(0o555)

    def work() -> None:
        with pytest.raises(StorageDenied, match="let this user read and write"):
            made(str(open_folder_path)).write("parsed/a", b"x")

    assert as_nobody(work) == 0


def test_a_file_that_can_not_be_read_is_denied(open_folder_path: Path) -> None:
    (open_folder_path / "a").write_bytes(b"secret")
    (open_folder_path / "a").chmod(0o000)

    def work() -> None:
        with pytest.raises(StorageDenied, match="let this user read and write"):
            made(str(open_folder_path)).read("a")

    assert as_nobody(work) == 0


def test_a_full_disk_is_unavailable_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    storage.write("a", b"old")

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(StorageUnavailable, match="free space"):
            storage.write("a", bytes(5000))
        with pytest.raises(StorageUnavailable, match="free space"):
            storage.write("b", bytes(5000), replace=False)

    assert in_child(work) == 0
    assert files_below(tmp_path) == [tmp_path / "objects/a"]
    assert storage.read("a") == b"old"


def test_a_full_disk_while_fetching_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    storage.write("a", bytes(5000))

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(StorageUnavailable, match="free space"):
            storage.fetch("a", tmp_path / "target", max_bytes=10_000)

    assert in_child(work) == 0
    assert not list(tmp_path.glob("target*"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_and_quota_are_told_apart_from_a_broken_disk(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable, match="free space"):
        storage.write("a", b"x")


def test_a_writer_killed_on_the_way_leaves_no_object(storage: Storage, tmp_path: Path) -> None:
    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
            storage.write("parsed/a", b"half")

    assert in_child(work) == -signal.SIGKILL
    assert storage.read("parsed/a") is None
    (draft,) = files_below(tmp_path)
    made(str(tmp_path / "objects")).write("parsed/b", b"x")
    assert draft.exists(), "a draft this young may belong to a writer at work"
    old = time.time() - ABANDONED_AFTER_S - 60
    os.utime(draft, (old, old))
    made(str(tmp_path / "objects")).write("parsed/c", b"x")
    assert not draft.exists()


def test_unfinished_files_can_not_be_named(storage: Storage) -> None:
    storage.write("a", b"x")
    with pytest.raises(BadRequest, match="unfinished"):
        storage.read(".parsekit-drafts/a")


def test_a_disk_without_hard_links_still_keeps_the_first(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert storage.write("a", b"first", replace=False)
    assert not storage.write("a", b"second", replace=False)
    assert storage.read("a") == b"first"


def test_listing_the_plugin_is_light() -> None:
    code = (
        "import sys, parsekit.storage.folder_plugin as f;"
        "f.parsekit_register_storages(lambda e: None);"
        "sys.exit(any(m in sys.modules for m in ('fsspec', 'parsekit.storage.folder')))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False)
    assert run.returncode == 0


def test_processes_that_do_not_replace_have_one_winner(storage: Storage) -> None:
    def contend(number: int) -> None:
        sys.exit(0 if storage.write("a", b"%d" % number, replace=False) else 1)

    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=contend, args=(number,)) for number in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    winners = [number for number, child in enumerate(children) if child.exitcode == 0]
    assert len(winners) == 1
    assert storage.read("a") == b"%d" % winners[0]


def test_open_files_do_not_pile_up(storage: FolderStorage, tmp_path: Path) -> None:
    storage.write("a", b"x")
    lowest_free = _lowest_free_descriptor()
    for _ in range(50):
        storage.read("a")
        storage.head("a")
        storage.fetch("a", tmp_path / "t", max_bytes=5)
        storage.write("a", b"x", replace=False)
        storage.read("objects")
    assert _lowest_free_descriptor() == lowest_free


def _lowest_free_descriptor() -> int:
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number
