"""Stores that are not quite S3: conditions ignored or unknown, ETags that are no MD5."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from .conftest import MakeStorage
from .strange_store import strange_store


def test_a_store_that_ignores_conditions_is_found_out_once(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    with strange_store(conditions="ignored") as store:
        storage = make_storage(hostname=f"127.0.0.1:{store.server_address[1]}")
        with caplog.at_level(logging.WARNING):
            assert storage.write("parsed/a", b"first", replace=False)
        assert store.requests == ["PUT", "PUT"]
        assert "ignores If-None-Match" in caplog.text
        assert not storage.write("parsed/a", b"second", replace=False)
        assert storage.write("parsed/b", b"first", replace=False)
        assert store.requests[2:] == ["HEAD", "HEAD", "PUT"]
        assert storage.read("parsed/a") == b"first"


def test_a_store_that_knows_no_conditions_is_asked_once(make_storage: MakeStorage) -> None:
    with strange_store(conditions="501") as store:
        storage = make_storage(hostname=f"127.0.0.1:{store.server_address[1]}")
        for key in ("parsed/a", "parsed/b"):
            assert storage.write(key, b"first", replace=False)
            assert not storage.write(key, b"second", replace=False)
        assert store.requests.count("PUT") == 3


def test_two_downloads_that_agree_outvote_the_etag(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    with strange_store(etag_salt=b"encrypted") as store:
        storage = make_storage(hostname=f"127.0.0.1:{store.server_address[1]}")
        storage.write("replays/a", b"replay")
        storage.fetch("replays/a", tmp_path / "t", max_bytes=10)
        assert (tmp_path / "t").read_bytes() == b"replay"
        before = len(store.requests)
        storage.fetch("replays/a", tmp_path / "t", max_bytes=10)
        assert len(store.requests) == before + 1
