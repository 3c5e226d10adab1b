from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from parsekit.errors import ReplayTooLarge, StorageDenied, StorageUnavailable
from parsekit.providers import ObjectInfo
from parsekit.storage.transfer import save_whole


def found(size_bytes: int) -> ObjectInfo:
    return ObjectInfo(key="replays/a", size_bytes=size_bytes, etag="tag")


def never() -> Iterator[bytes]:
    pytest.fail("not a byte may be asked for")
    yield b""


def broken() -> Iterator[bytes]:
    yield b"whole"
    raise StorageUnavailable("the sum was wrong")


def test_the_file_appears_with_its_facts(tmp_path: Path) -> None:
    info = save_whole([b"ab", b"", b"c"], tmp_path / "t", found=found(3), max_bytes=3)
    assert (tmp_path / "t").read_bytes() == b"abc"
    assert info.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (info.key, info.size_bytes, info.etag) == ("replays/a", 3, "tag")
    assert list(tmp_path.iterdir()) == [tmp_path / "t"]


def test_what_is_announced_too_large_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(ReplayTooLarge, match="has 4 bytes, more than 3"):
        save_whole(never(), tmp_path / "t", found=found(4), max_bytes=3)


@pytest.mark.parametrize("blocks", [[b"ab"], [b"abc", b"d"], []])
def test_a_wrong_length_leaves_nothing(tmp_path: Path, blocks: list[bytes]) -> None:
    with pytest.raises(StorageUnavailable, match="of 3 bytes"):
        save_whole(blocks, tmp_path / "t", found=found(3), max_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_lied_about_the_size_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1000)

    with pytest.raises(ReplayTooLarge, match="larger than 5000"):
        save_whole(endless(), tmp_path / "t", found=found(3), max_bytes=5000)
    assert list(tmp_path.iterdir()) == []


def test_an_error_after_the_last_block_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"before")
    with pytest.raises(StorageUnavailable, match="sum was wrong"):
        save_whole(broken(), tmp_path / "t", found=found(5), max_bytes=10)
    assert (tmp_path / "t").read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [tmp_path / "t"]


def test_a_target_in_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageDenied, match="a file stands where a folder belongs"):
        save_whole([b"abc"], tmp_path / "file/t", found=found(3), max_bytes=10)
