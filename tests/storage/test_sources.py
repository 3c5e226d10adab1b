"""Where replays come from: one content has one fingerprint, and every failure its own name."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec
import pytest
from fsspec.registry import _registry

from parsekit.batch.inputs import NoMatch, expand
from parsekit.clock import Clock
from parsekit.errors import (
    ConfigInvalid,
    InvalidReplay,
    ParsekitError,
    ReplayNotFound,
    ReplayTooLarge,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.providers import ObjectInfo
from parsekit.storage.fetch import fetch
from parsekit.storage.sources import LocalReplay, UrlReplay, fingerprint_of
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
        LocalReplay(path).stat(max_bytes)
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
            LocalReplay(path).stat(MAX)
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
    assert url.stat(MAX).fingerprint is None
    fetched = fetch(url, "a", tmp_path, max_bytes=MAX, clock=Clock())
    assert fetched.replay.sha256 == LocalReplay(tmp_path / "a.replay").stat(MAX).fingerprint
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
        UrlReplay(url).stat(MAX)


class _Answering(BaseHTTPRequestHandler):
    """Answers the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that answers any status."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, ReplayNotFound, "no such file"),
        (410, ReplayNotFound, "no such file"),
        (401, StorageDenied, "answers 401 Unauthorized"),
        (403, StorageDenied, "answers 403 Forbidden"),
        (429, StorageUnavailable, "answers 429 Too Many Requests; .* try again later"),
        (500, StorageUnavailable, "answers 500 Internal Server Error; .* try again later"),
        (599, StorageUnavailable, "answers 599; .* try again later"),
    ],
)
def test_what_a_server_answers_is_told(
    server: str, tmp_path: Path, status: int, kind: type[ParsekitError], words: str
):
    source = UrlReplay(f"{server}/{status}/a.replay")
    with pytest.raises(kind, match=words):
        source.stat(MAX)
    with pytest.raises(kind, match=words):
        source.fetch(tmp_path / "copy", MAX)


def test_a_server_that_can_not_be_reached_may_come_back():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(StorageUnavailable, match="try again"):
        UrlReplay(f"http://127.0.0.1:{port}/a.replay").stat(MAX)


@pytest.mark.parametrize(
    ("url", "module", "words"),
    [
        ("s3://bucket/a.replay", "s3fs", r'pip install "parsekit\[s3\]"'),
        ("https://host/a.replay", "aiohttp", r'pip install "fsspec\[http\]"'),
        ("gcs://bucket/a.replay", "gcsfs", "Please install gcsfs"),
    ],
)
def test_a_driver_that_is_missing_is_named_by_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, words: str
):
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    monkeypatch.delitem(_registry, url.partition("://")[0], raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigInvalid, match=words):
        UrlReplay(url).stat(MAX)
    (barren,) = expand([url.replace("a.replay", "*")])
    assert isinstance(barren, NoMatch)
    with pytest.raises(ConfigInvalid, match=words):
        raise barren.error
