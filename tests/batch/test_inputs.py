from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import fsspec
import pytest

from parsekit.batch.inputs import STDIN, Input, NoMatch, expand
from parsekit.errors import ConfigInvalid, ReplayNotFound, StorageDenied


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        if not Path(name).parent.is_dir():
            Path(name).parent.mkdir(parents=True)
        Path(name).touch()


def replays(arguments: Iterable[str]) -> list[str]:
    found = list(expand(arguments))
    assert not [one for one in found if isinstance(one, NoMatch)]
    return [one.replay for one in found if isinstance(one, Input)]


def barren(arguments: Iterable[str]) -> list[NoMatch]:
    return [one for one in expand(arguments) if isinstance(one, NoMatch)]


def test_a_folder_is_searched_to_its_depths_in_the_order_of_names() -> None:
    make("f/b.replay", "f/a.REPLAY", "f/sub/deep/c.replay", "f/also/d.replay", "f/notes.txt")
    assert replays(["f"]) == [
        "f/a.REPLAY",
        "f/b.replay",
        "f/also/d.replay",
        "f/sub/deep/c.replay",
    ]


def test_folders_nested_deeper_than_python_recurses_are_searched() -> None:
    folders = [Path(*["d"] * depth) for depth in range(1, 1101)]
    for folder in folders:
        folder.mkdir()
    replay = folders[-1] / "x.replay"
    replay.touch()
    try:
        assert replays(["d"]) == [str(replay)]
    finally:  # shutil.rmtree, with which pytest cleans up, does recurse
        replay.unlink()
        for folder in reversed(folders):
            folder.rmdir()


def test_a_file_that_is_named_may_be_called_anything_and_need_not_exist() -> None:
    make("notes.txt")
    assert replays(["notes.txt", "gone.replay"]) == ["notes.txt", "gone.replay"]


def test_an_argument_that_overlaps_another_adds_nothing() -> None:
    make("f/a.replay", "f/sub/b.replay")
    everything = ["f/a.replay", "f/sub/b.replay"]
    assert replays(["f", "f/a.replay", "f", "./f/sub/b.replay"]) == everything
    assert replays(["f/sub", "f"]) == ["f/sub/b.replay", "f/a.replay"]
    assert replays(["f/a.replay", "f/a.replay", "f"]) == everything


def test_copies_with_equal_content_are_replays_of_their_own() -> None:
    make("f/a.replay")
    os.link("f/a.replay", "f/b.replay")
    assert replays(["f"]) == ["f/a.replay", "f/b.replay"]


def test_a_ring_of_symbolic_links_ends() -> None:
    make("f/a/x.replay")
    Path("f/a/up").symlink_to("..")
    Path("f/round").symlink_to("round")
    Path("f/ring.replay").symlink_to("ring.replay")
    assert replays(["f"]) == ["f/ring.replay", "f/a/x.replay"]


def test_a_linked_file_comes_once_and_a_dangling_link_is_not_hidden() -> None:
    make("f/a.replay", "outside.replay")
    Path("f/b.replay").symlink_to("a.replay")
    Path("f/c.replay").symlink_to("../outside.replay")
    Path("f/d.replay").symlink_to("../outside.replay")
    Path("f/gone.replay").symlink_to("nowhere.replay")
    assert replays(["f"]) == ["f/a.replay", "f/c.replay", "f/gone.replay"]


def test_a_glob_that_the_shell_left_alone_is_matched() -> None:
    make("f/a.replay", "f/sub/b.replay", "f/c.txt", "f/[d].replay")
    assert replays(["f/*.replay"]) == ["f/[d].replay", "f/a.replay"]
    assert replays(["f/**/*.replay"]) == ["f/[d].replay", "f/a.replay", "f/sub/b.replay"]
    assert replays([str(Path("f/s*").absolute())]) == [str(Path("f/sub/b.replay").absolute())]


def test_a_file_whose_name_looks_like_a_glob_is_that_file() -> None:
    make("[d].replay", "d.replay")
    assert replays(["[d].replay"]) == ["[d].replay"]


def test_an_argument_without_replays_is_told() -> None:
    make("f/notes.txt")
    (empty,) = barren(["f"])
    assert isinstance(empty.error, ReplayNotFound)
    assert "f: no replay in this folder" in empty.error.message
    (unmatched,) = barren(["x*.replay"])
    assert unmatched.error.message == "x*.replay: no file matches"


def test_a_folder_seen_before_is_not_called_empty() -> None:
    make("f/sub/a.replay")
    assert replays(["f", "f/sub"]) == ["f/sub/a.replay"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is locked for root")
def test_a_locked_folder_is_told_and_the_others_are_searched() -> None:
    make("f/a/x.replay", "f/locked/y.replay", "f/z/z.replay")
    Path("f/locked").chmod(0)
    found = list(expand(["f"]))
    Path("f/locked").chmod(0o700)
    assert [one.replay for one in found if isinstance(one, Input)] == [
        "f/a/x.replay",
        "f/z/z.replay",
    ]
    (locked,) = (one for one in found if isinstance(one, NoMatch))
    assert isinstance(locked.error, StorageDenied)


def test_standard_input_comes_once() -> None:
    assert replays([STDIN, STDIN]) == [STDIN]


def test_urls_are_searched_like_folders() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("b.replay", "a.replay", "sub/c.replay", "notes.txt"):
        memory.pipe_file(f"/inputs/{name}", b"x")
    everything = [f"memory:///inputs/{name}" for name in ("a.replay", "b.replay", "sub/c.replay")]
    assert replays(["memory://inputs"]) == everything
    assert replays(["memory://inputs/*.replay"]) == everything[:2]
    assert replays(["memory://inputs/b.replay"]) == ["memory://inputs/b.replay"]
    memory.rm("/inputs", recursive=True)


def test_a_url_of_an_unknown_kind_is_told() -> None:
    (unknown,) = barren(["gopher://host/folder"])
    assert isinstance(unknown.error, ConfigInvalid)
    assert "gopher" in unknown.error.message


def test_a_large_folder_starts_before_it_was_searched_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(50):
        make(f"f/{number:02}/x.replay")
    listed: list[str] = []
    scandir = os.scandir

    def counting(path: str) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    assert next(expand(["f"])) == Input("f/00/x.replay")
    assert len(listed) == 2
