"""Where replays come from: one content has one fingerprint, and every failure its own name."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from parsekit.clock import Clock
from parsekit.errors import (
    ConfigInvalid,
    InvalidReplay,
    ParsekitError,
    ReplayNotFound,
    ReplayTooLarge,
    StorageDenied,
)
from parsekit.fetching import fetch
from parsekit.providers import ObjectInfo
from parsekit.sources import LocalReplay, UrlReplay, fingerprint_of
from parsekit.testing import write_replay

MAX = 1 << 20
MD5 = "9e107d9d372bb6826bd81d3542a419d6"


def info(key: str, etag: str | None, size: int = 10, sha256: str | None = None) -> str | None:
    return fingerprint_of(ObjectInfo(key=key, size_bytes=size, etag=etag, sha256=sha256))


def test_equal_content_under_two_keys_has_one_fingerprint():
    assert info("a", MD5) == info("b", MD5) != info("a", MD5, size=11)


@pytest.mark.parametrize("etag", [f"{MD5}-3", "W/123", "5f-18a", MD5.upper(), "../../x"])
def test_an_etag_that_is_no_md5_tells_only_of_its_own_object(etag: str):
    assert info("a", etag) != info("b", etag)
    assert info("a", etag) == info("a", etag)
    assert (info("a", etag) or "").replace("-", "").isalnum()


def test_without_an_etag_only_the_content_tells():
    assert info("a", None) is None
    assert info("a", None, sha256="f" * 64) == "f" * 64


def error_of(path: Path, max_bytes: int = MAX) -> ParsekitError:
    with pytest.raises(ParsekitError) as caught:
        LocalReplay(path).look(max_bytes)
    with pytest.raises(type(caught.value)):
        LocalReplay(path).fetch(path.parent / "copy", max_bytes)
    with pytest.raises(type(caught.value)):
        LocalReplay(path).read(max_bytes)
    return caught.value


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path):
    assert isinstance(error_of(tmp_path / "none.replay"), ReplayNotFound)
    (tmp_path / "file").touch()
    assert isinstance(error_of(tmp_path / "file" / "below.replay"), ReplayNotFound)
    assert isinstance(error_of(tmp_path / "nul\0.replay"), ReplayNotFound)
    assert isinstance(error_of(tmp_path / ("x" * 300)), ReplayNotFound)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.replay")
    assert isinstance(error_of(tmp_path / "pipe.replay"), InvalidReplay)
    assert "is a folder" in error_of(tmp_path).message


def test_a_loop_of_links_is_not_found(tmp_path: Path):
    (tmp_path / "loop.replay").symlink_to(tmp_path / "loop.replay")
    assert isinstance(error_of(tmp_path / "loop.replay"), ReplayNotFound)


def test_a_file_that_may_not_be_read_is_denied(tmp_path: Path):
    path = write_replay(tmp_path / "a.replay", frames=0)
    path.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:  # root may read everything, so be somebody else for a moment
            os.seteuid(65534)
        with pytest.raises(StorageDenied):
            LocalReplay(path).look(MAX)
    finally:
        if root:
            os.seteuid(0)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path):
    with (tmp_path / "huge.replay").open("wb") as file:
        file.truncate(1 << 40)
    assert isinstance(error_of(tmp_path / "huge.replay"), ReplayTooLarge)


def test_a_file_that_grows_while_it_is_read_is_cut_off(tmp_path: Path):
    path = write_replay(tmp_path / "a.replay", frames=0)
    with pytest.raises(ReplayTooLarge):
        LocalReplay(path).fetch(tmp_path / "copy", path.stat().st_size - 1)


def test_a_url_is_fetched_and_checked(tmp_path: Path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/sources/a.replay", write_replay(tmp_path / "a.replay", frames=0).read_bytes())
    url = UrlReplay("memory://sources/a.replay")
    assert url.look(MAX).fingerprint is None
    fetched = fetch(url, "a", tmp_path, max_bytes=MAX, clock=Clock())
    assert fetched.replay.sha256 == LocalReplay(tmp_path / "a.replay").look(MAX).fingerprint
    memory.rm("/sources", recursive=True)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://nowhere/x.replay", ReplayNotFound),
        ("nosuch://bucket/x.replay", ReplayNotFound),
        ("gcs://bucket/x.replay", ConfigInvalid),
    ],
)
def test_a_url_that_can_not_be_read_says_why(url: str, kind: type[ParsekitError]):
    with pytest.raises(kind):
        UrlReplay(url).look(MAX)
