"""The store and the way to it fail in every way of the fault matrix, through a real proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from devkit.servers.proxy import (
    Answer,
    Cut,
    CutUpload,
    Fault,
    FaultProxy,
    Freeze,
    HalfOpen,
    Refuse,
    Reset,
    Slow,
    slow_down,
)
from devkit.servers.seaweedfs import SeaweedServer, seaweedfs
from parsekit.errors import StorageUnavailable
from parsekit_storage_minio.storage import MinioStorage

from .conftest import MakeStorage

REPLAY = bytes(range(256)) * 6000
#: What a call may take, with room for a busy machine.
LONGEST_CALL_S = 14

Put = Callable[[str, bytes], str]
SingleTries = Callable[[], AbstractContextManager[None]]

#: Faults that strike a request whatever it is.
EVERYWHERE = [Refuse(), slow_down(), Answer("500 Internal Server Error"), Reset(), Cut(0)]
#: What S3 says with status 400 of an upload, and takes the next time.
TRY_AGAIN = ["RequestTimeout", "IncompleteBody", "BadDigest", "Throttling"]
#: Faults that strike while a body of 1.5 MB is on its way.
IN_THE_BODY = [Reset(after_bytes=400_000), Cut(after_bytes=400_000)]
#: Within the head of an answer.
ANSWER_LOST = Reset(after_bytes=40)


def named(fault: Fault) -> str:
    return str(fault)[:40]


@pytest.fixture
def replay(put: Put) -> str:
    return put("replays/a.replay", REPLAY)


@pytest.mark.parametrize("fault", EVERYWHERE, ids=named)
@pytest.mark.usefixtures("hurried")
def test_a_lasting_fault_is_storage_unavailable_for_every_method(
    storage: MinioStorage, proxy: FaultProxy, tmp_path: Path, fault: Fault
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: storage.head("replays/a.replay"),
        lambda: storage.fetch("replays/a.replay", tmp_path / "t", max_bytes=10**7),
        lambda: storage.read("parsed/a"),
        lambda: storage.write("parsed/a", b"x"),
        lambda: storage.write("parsed/a", b"x", replace=False),
        lambda: storage.delete("parsed/a"),
    ]
    with proxy.failing(fault):
        for call in calls:
            with pytest.raises(StorageUnavailable, match="check that the store is up") as caught:
                call()
            assert caught.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [slow_down(), Reset(), Cut(0)], ids=named)
def test_a_passing_fault_is_not_noticed(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path, fault: Fault
) -> None:
    for call in (
        lambda: storage.head(replay),
        lambda: storage.fetch(replay, tmp_path / "t", max_bytes=10**7),
        lambda: storage.write("parsed/a", b"x"),
        lambda: storage.read("parsed/a"),
        lambda: storage.delete("parsed/a"),
    ):
        proxy.set(fault, times=2)
        call()


@pytest.mark.parametrize("code", TRY_AGAIN)
@pytest.mark.parametrize("replace", [True, False])
def test_an_upload_that_came_in_badly_is_sent_again(
    storage: MinioStorage, proxy: FaultProxy, code: str, replace: bool
) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    proxy.set(Answer("400 Bad Request", body), times=2)
    assert storage.write("parsed/a", b"x", replace=replace)
    assert storage.read("parsed/a") == b"x"
    storage.delete("parsed/a")


def test_what_stood_in_the_way_and_is_gone_was_not_ours(
    storage: MinioStorage, proxy: FaultProxy
) -> None:
    """The pipeline then looks, finds nothing, and stores its result."""
    proxy.choose(lambda line: Answer("412 Precondition Failed") if line.startswith("PUT") else None)
    assert not storage.write("parsed/a", b"x", replace=False)


@pytest.mark.parametrize("fault", IN_THE_BODY, ids=named)
def test_a_body_cut_short_is_fetched_again(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path, fault: Fault
) -> None:
    proxy.set(fault, times=1)
    storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
    assert (tmp_path / "t").read_bytes() == REPLAY
    assert [line.split()[0] for line in proxy.requests] == ["GET", "GET"]


@pytest.mark.parametrize("fault", IN_THE_BODY, ids=named)
@pytest.mark.usefixtures("hurried")
def test_a_body_that_is_always_cut_short_is_never_given(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path, fault: Fault
) -> None:
    with proxy.failing(fault):
        with pytest.raises(StorageUnavailable):
            storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
        with pytest.raises(StorageUnavailable):
            storage.read(replay)
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_store_costs_ten_seconds_at_most(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path
) -> None:
    storage.head(replay)
    with proxy.failing(Freeze()):
        start = time.monotonic()
        with pytest.raises(StorageUnavailable, match="no answer in time"):
            storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
        assert time.monotonic() - start < LONGEST_CALL_S
    storage.fetch(replay, tmp_path / "t", max_bytes=10**7)


def test_a_connection_that_lost_its_other_end_is_replaced(
    storage: MinioStorage, proxy: FaultProxy, replay: str
) -> None:
    storage.head(replay)
    proxy.set(HalfOpen())
    ended = threading.Timer(1, proxy.heal)
    ended.start()
    assert storage.head(replay).size_bytes == len(REPLAY)
    ended.join()
    assert proxy.connections > 1


def test_a_slow_store_is_waited_for_while_it_moves(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path
) -> None:
    with proxy.failing(Slow(bytes_per_s=len(REPLAY) / 1.5)):
        storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
    assert (tmp_path / "t").read_bytes() == REPLAY


@pytest.mark.usefixtures("hurried")
def test_a_trickle_does_not_hold_a_worker(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path
) -> None:
    start = time.monotonic()
    with proxy.failing(Slow(bytes_per_s=20_000)), pytest.raises(StorageUnavailable):
        storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
    assert time.monotonic() - start < LONGEST_CALL_S + len(REPLAY) / 2**20
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_upload_ends_and_shows_no_half_object(
    storage: MinioStorage, proxy: FaultProxy, single_tries: SingleTries
) -> None:
    with single_tries(), proxy.failing(Freeze()), pytest.raises(StorageUnavailable):
        storage.write("parsed/frozen", REPLAY)
    # what the network held back may still arrive, but only whole
    assert storage.read("parsed/frozen") in (None, REPLAY)
    storage.delete("parsed/frozen")


@pytest.mark.parametrize("after_body_bytes", [0, 10, 5000])
@pytest.mark.parametrize("replace", [True, False])
def test_a_writer_that_dies_on_the_way_leaves_nothing(
    storage: MinioStorage,
    proxy: FaultProxy,
    after_body_bytes: int,
    replace: bool,
    single_tries: SingleTries,
) -> None:
    fault = CutUpload(after_body_bytes)
    with single_tries(), proxy.failing(fault), pytest.raises(StorageUnavailable):
        storage.write("parsed/gone", REPLAY, replace=replace)
    assert storage.read("parsed/gone") is None


def test_an_upload_that_broke_is_sent_again_whole(storage: MinioStorage, proxy: FaultProxy) -> None:
    for replace in (True, False):
        proxy.set(CutUpload(), times=1)
        assert storage.write("parsed/cut", REPLAY, replace=replace)
        assert storage.read("parsed/cut") == REPLAY
        storage.delete("parsed/cut")


def test_a_write_whose_answer_was_lost_is_still_the_first(
    storage: MinioStorage, proxy: FaultProxy
) -> None:
    proxy.set(ANSWER_LOST, times=1)
    try:
        assert storage.write("parsed/claim", b"mine", replace=False)
        assert len(proxy.requests) > 1
        proxy.set(ANSWER_LOST, times=1)
        assert not storage.write("parsed/claim", b"not mine", replace=False)
        assert storage.read("parsed/claim") == b"mine"
    finally:
        storage.delete("parsed/claim")


def test_who_writes_again_after_no_answer_came_is_still_the_first(
    make_storage: MakeStorage, proxy: FaultProxy, single_tries: SingleTries
) -> None:
    """As drivers do; nobody else had stored, and yet each try would find something there."""
    ours, theirs = make_storage(), make_storage()
    with single_tries(), proxy.failing(ANSWER_LOST), pytest.raises(StorageUnavailable):
        ours.write("parsed/claim", b"mine", replace=False)
    try:
        assert not theirs.write("parsed/claim", b"mine", replace=False)
        assert ours.write("parsed/claim", b"mine", replace=False)
        assert not ours.write("parsed/claim", b"mine", replace=False)
    finally:
        ours.delete("parsed/claim")


def test_one_silly_answer_is_asked_again(
    storage: MinioStorage, proxy: FaultProxy, replay: str, tmp_path: Path
) -> None:
    wrong = Answer(
        "200 OK",
        b"another content",
        {"ETag": f'"{"0" * 32}"', "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"},
    )
    proxy.set(wrong, times=1)
    storage.fetch(replay, tmp_path / "t", max_bytes=10**7)
    assert (tmp_path / "t").read_bytes() == REPLAY


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


class TestRestart:
    """A store of its own, as it is killed."""

    @pytest.fixture
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
        with seaweedfs(tmp_path_factory.mktemp("restarted")) as server:
            yield server

    def test_a_store_restarted_in_mid_put_shows_whole_objects_only(
        self, storage: MinioStorage, proxy: FaultProxy, server: SeaweedServer
    ) -> None:
        body = bytes(16 * 1024 * 1024)
        outcome: list[object] = []

        def write() -> None:
            try:
                outcome.append(storage.write("parsed/big", body))
            except StorageUnavailable as exc:
                outcome.append(exc)

        writer = threading.Thread(target=write)
        writer.start()
        _until(lambda: any(line.startswith("PUT") for line in proxy.requests))
        server.kill()
        server.start()
        writer.join(120)
        # the kill struck the upload, as it had to be begun anew
        assert [line.split()[0] for line in proxy.requests].count("PUT") >= 2
        (found,) = outcome
        assert found is True or isinstance(found, StorageUnavailable)
        assert storage.read("parsed/big") in (body, None)
        assert storage.write("parsed/big", body)
        assert storage.read("parsed/big") == body
