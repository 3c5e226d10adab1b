"""What every storage must do, as a suite that a storage's tests inherit.

Three lines check a storage::

    class TestMyStorage(StorageConformance):
        @pytest.fixture
        def storage(self):
            return MyStorage(...)
"""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from parsekit.errors import ParsekitError, ReplayNotFound, ReplayTooLarge
from parsekit.providers import LARGEST_READ_BYTES, ObjectInfo, Storage

#: The size of an ordinary replay, and bytes that no text codec would leave alone.
REPLAY_BYTES = bytes(range(256)) * 6000

#: Legal names in which careless code sees a pattern, a query or an escape.
AWKWARD_KEYS = (
    "conformance/with space.replay",
    "conformance/émoji 🚗.replay",
    "conformance/100%.replay",
    "conformance/a+b&c=d.replay",
    "conformance/what?.replay",
    "conformance/#1.replay",
    "conformance/[a-z]*.replay",
    "conformance/a:b;c,d@e.replay",
    "conformance/~user/'quoted'\"$HOME\".replay",
    "conformance/e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}.replay",
    "conformance/\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}.replay",
    "conformance/a%2Fb.replay",
    "conformance/a%252Fb.replay",
    "conformance/C:/a\\b.replay",
)


class StorageConformance:
    """Inherit, and give a fixture ``storage`` with a storage in which ``conformance/`` is free."""

    #: Set to False for a store that can't keep ``write(replace=False)`` from replacing.
    keeps_first: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _tidy(self, storage: Storage) -> Iterator[None]:
        yield
        for key in ("conformance/a", "conformance/b", *AWKWARD_KEYS):
            storage.delete(key)
        storage.close()

    def test_results_prefix_has_no_slash_at_its_ends(self, storage: Storage) -> None:
        assert storage.results_prefix == storage.results_prefix.strip("/")

    @pytest.mark.parametrize("body", [b"", b"x", REPLAY_BYTES], ids=["empty", "byte", "replay"])
    def test_what_was_written_is_read(self, storage: Storage, body: bytes) -> None:
        assert storage.write("conformance/a", body)
        assert storage.read("conformance/a") == body
        assert storage.head("conformance/a").size_bytes == len(body)

    def test_what_is_larger_than_anything_of_ours_counts_as_missing(self, storage: Storage) -> None:
        storage.write("conformance/a", bytes(LARGEST_READ_BYTES + 1))
        assert storage.read("conformance/a") is None
        storage.write("conformance/a", bytes(LARGEST_READ_BYTES))
        assert storage.read("conformance/a") == bytes(LARGEST_READ_BYTES)

    def test_a_missing_object_is_missing_everywhere(self, storage: Storage, tmp_path: Path) -> None:
        assert storage.read("conformance/a") is None
        with pytest.raises(ReplayNotFound):
            storage.head("conformance/a")
        with pytest.raises(ReplayNotFound):
            storage.fetch("conformance/a", tmp_path / "target", max_bytes=10)
        assert list(tmp_path.iterdir()) == []

    def test_presence_and_absence_are_never_remembered(self, storage: Storage) -> None:
        for _ in range(3):
            assert storage.read("conformance/a") is None
            storage.write("conformance/a", b"here")
            assert storage.head("conformance/a").size_bytes == 4
            storage.delete("conformance/a")
            with pytest.raises(ReplayNotFound):
                storage.head("conformance/a")

    def test_deleting_what_is_not_there_does_nothing(self, storage: Storage) -> None:
        storage.delete("conformance/a")
        storage.delete("conformance/a")

    def test_replacing_shows_the_new_content(self, storage: Storage) -> None:
        storage.write("conformance/a", b"old and longer")
        storage.write("conformance/a", b"new")
        assert storage.read("conformance/a") == b"new"

    def test_not_replacing_keeps_the_first(self, storage: Storage) -> None:
        assert storage.write("conformance/a", b"first", replace=False)
        kept = not storage.write("conformance/a", b"second", replace=False)
        assert kept == self.keeps_first
        assert storage.read("conformance/a") == (b"first" if self.keeps_first else b"second")

    def test_of_many_writers_that_do_not_replace_one_wins(self, storage: Storage) -> None:
        if not self.keeps_first:
            pytest.skip("this storage says that it can't")
        bodies = [b"writer %d" % number for number in range(16)]
        with ThreadPoolExecutor(len(bodies)) as pool:
            won = pool.map(lambda it: storage.write("conformance/a", it, replace=False), bodies)
            winners = [body for body, done in zip(bodies, won, strict=True) if done]
        assert len(winners) == 1
        assert storage.read("conformance/a") == winners[0]

    def test_readers_never_see_a_mixture_of_writes(self, storage: Storage) -> None:
        bodies = [bytes([number]) * 200_000 for number in range(4)]
        storage.write("conformance/a", bodies[0])
        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(storage.write, "conformance/a", body) for body in bodies * 3]
            reads = [pool.submit(storage.read, "conformance/a") for _ in range(12)]
        assert all(write.result() for write in writes)
        assert all(read.result() in bodies for read in reads)

    def test_the_facts_of_an_object_follow_its_content(self, storage: Storage) -> None:
        facts = []
        for body in (b"one", b"two", b"one"):
            storage.write("conformance/a", body)
            facts.append(storage.head("conformance/a"))
        assert all(info.key == "conformance/a" for info in facts)
        assert all(not info.etag or info.etag.strip('"') == info.etag for info in facts)
        assert all(_distinct(*pair) for pair in pairwise(facts))

    def test_fetching_gives_the_whole_file(self, storage: Storage, tmp_path: Path) -> None:
        storage.write("conformance/a", REPLAY_BYTES)
        target = tmp_path / "target"
        info = storage.fetch("conformance/a", target, max_bytes=len(REPLAY_BYTES))
        assert target.read_bytes() == REPLAY_BYTES
        assert info.size_bytes == len(REPLAY_BYTES)
        assert info.sha256 in (None, hashlib.sha256(REPLAY_BYTES).hexdigest())
        assert list(tmp_path.iterdir()) == [target]

    def test_fetching_what_is_too_large_leaves_nothing(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        storage.write("conformance/a", REPLAY_BYTES)
        with pytest.raises(ReplayTooLarge):
            storage.fetch("conformance/a", tmp_path / "t", max_bytes=len(REPLAY_BYTES) - 1)
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_fetch_leaves_the_target_as_it_was(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        storage.write("conformance/a", b"too much")
        target = tmp_path / "target"
        target.write_bytes(b"before")
        with pytest.raises(ReplayTooLarge):
            storage.fetch("conformance/a", target, max_bytes=3)
        assert target.read_bytes() == b"before"

    def test_a_fetch_that_breaks_off_leaves_the_target_as_it_was(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        storage.write("conformance/a", REPLAY_BYTES)
        target = tmp_path / "target"
        target.write_bytes(b"before")
        broken_off = pytest.raises((OSError, ParsekitError))
        with broken_off, _disk_full_beyond(len(REPLAY_BYTES) // 2):
            storage.fetch("conformance/a", target, max_bytes=len(REPLAY_BYTES))
        assert target.read_bytes() == b"before", "write aside and rename: parsekit.save_whole does"
        assert list(tmp_path.iterdir()) == [target]

    def test_awkward_names_name_their_own_object_only(self, storage: Storage) -> None:
        for number, key in enumerate(AWKWARD_KEYS):
            storage.write(key, b"%d" % number)
        for number, key in enumerate(AWKWARD_KEYS):
            assert storage.read(key) == b"%d" % number, key
            assert storage.head(key).key == key
        storage.delete("conformance/[a-z]*.replay")
        assert storage.read("conformance/100%.replay") == b"2"

    def test_threads_share_it(self, storage: Storage) -> None:
        keys = ("conformance/a", "conformance/b", *AWKWARD_KEYS)

        def round_trip(key: str) -> bytes | None:
            storage.write(key, key.encode())
            return storage.read(key)

        with ThreadPoolExecutor(len(keys)) as pool:
            assert list(pool.map(round_trip, keys)) == [key.encode() for key in keys]


@contextmanager
def _disk_full_beyond(file_bytes: int) -> Iterator[None]:
    """Let no file of this process grow further, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _distinct(first: ObjectInfo, second: ObjectInfo) -> bool:
    """Different content is never given the same identity; having none is allowed."""
    pairs = ((first.etag, second.etag), (first.sha256, second.sha256))
    return all(a is None or a != b for a, b in pairs)
