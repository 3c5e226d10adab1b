"""Stores that are not quite S3: no conditions, ETags that are no MD5, answers without a length."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from parsekit import LARGEST_READ_BYTES
from parsekit.errors import StorageUnavailable
from parsekit_storage_minio.integrity import ENOUGH_KEYS

from .conftest import MakeStorage
from .strange_store import Oddity, strange_store


def test_a_store_that_ignores_conditions_is_found_out_once(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    with strange_store(Oddity(conditions="ignored")) as store:
        storage = make_storage(hostname=store.hostname)
        with caplog.at_level(logging.WARNING):
            assert storage.write("parsed/a", b"first", replace=False)
        assert store.requests == ["PUT", "PUT"]
        assert "ignores If-None-Match" in caplog.text
        assert not storage.write("parsed/a", b"second", replace=False)
        assert storage.write("parsed/b", b"first", replace=False)
        assert store.requests[2:] == ["HEAD", "HEAD", "PUT"]
        assert storage.read("parsed/a") == b"first"


def test_a_store_that_knows_no_conditions_is_asked_once(make_storage: MakeStorage) -> None:
    with strange_store(Oddity(conditions="501")) as store:
        storage = make_storage(hostname=store.hostname)
        for key in ("parsed/a", "parsed/b"):
            assert storage.write(key, b"first", replace=False)
            assert not storage.write(key, b"second", replace=False)
        assert store.requests.count("PUT") == 3


def test_two_downloads_that_agree_outvote_the_etag(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    with strange_store(Oddity(etag_salt=b"encrypted")) as store:
        storage = make_storage(hostname=store.hostname)
        for number in range(ENOUGH_KEYS + 1):
            storage.write(f"replays/{number}", b"replay")
        asked = []
        for number in range(ENOUGH_KEYS + 1):
            before = len(store.requests)
            storage.fetch(f"replays/{number}", tmp_path / "t", max_bytes=10)
            assert (tmp_path / "t").read_bytes() == b"replay"
            asked.append(len(store.requests) - before)
        assert asked == [2] * ENOUGH_KEYS + [1]


def test_one_damaged_object_does_not_end_the_checks_of_others(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    with strange_store(Oddity(etag_salt=b"damaged")) as store:
        storage = make_storage(hostname=store.hostname)
        storage.write("replays/damaged", b"replay")
        for _ in range(ENOUGH_KEYS + 1):
            before = len(store.requests)
            storage.fetch("replays/damaged", tmp_path / "t", max_bytes=10)
            assert len(store.requests) - before == 2


@pytest.mark.usefixtures("hurried")
def test_an_answer_without_a_length_is_named(make_storage: MakeStorage, tmp_path: Path) -> None:
    with strange_store(Oddity(chunked=True)) as store:
        store.objects["/replays/parsed/a"] = b"x"
        storage = make_storage(hostname=store.hostname)
        for call in (
            lambda: storage.head("parsed/a"),
            lambda: storage.read("parsed/a"),
            lambda: storage.fetch("parsed/a", tmp_path / "t", max_bytes=10),
        ):
            with pytest.raises(StorageUnavailable, match="an answer without a length"):
                call()


def test_what_is_too_large_for_a_result_is_not_read_into_memory(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    with strange_store() as store:
        store.objects["/replays/parsed/a"] = bytes(LARGEST_READ_BYTES)
        store.objects["/replays/parsed/b"] = bytes(LARGEST_READ_BYTES + 1)
        storage = make_storage(hostname=store.hostname)
        assert storage.read("parsed/a") == bytes(LARGEST_READ_BYTES)
        assert storage.read("parsed/b") is None
        assert "parsed/b has 16777217 bytes, more than any result" in caplog.text
        assert storage.write("parsed/b", b"{}")
        assert storage.read("parsed/b") == b"{}"
