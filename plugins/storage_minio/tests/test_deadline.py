"""However a store hangs, a call is over after ten seconds, and a second for each MiB it moves.

The bounds are written out, as a user knows them, with room for a machine that does other things.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devkit.servers.proxy import Answer, Fault, FaultProxy, Freeze, Refuse, slow_down
from parsekit.errors import ParsekitError, StorageUnavailable
from parsekit_storage_minio.storage import MinioStorage

from .conftest import MakeStorage
from .strange_store import Oddity, strange_store

LONGEST_S = 14
SMALL, LARGE = b"x" * 1000, bytes(2 * 2**20)

Step = Callable[[], object]


def _calls(storage: MinioStorage, folder: Path) -> dict[str, Step]:
    return {
        "head": lambda: storage.head("parsed/a"),
        "read": lambda: storage.read("parsed/a"),
        "fetch": lambda: storage.fetch("parsed/a", folder / "t", max_bytes=10**7),
        "write": lambda: storage.write("parsed/a", SMALL),
        "create": lambda: storage.write("parsed/a", SMALL, replace=False),
        "delete": lambda: storage.delete("parsed/a"),
    }


def _seconds(call: Step) -> float:
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        call()
    return time.monotonic() - began


def _all_at_once(calls: dict[str, Step]) -> dict[str, float]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return dict(zip(calls, pool.map(_seconds, calls.values()), strict=True))


@pytest.mark.parametrize("connected", [True, False])
def test_a_store_that_freezes(
    storage: MinioStorage, proxy: FaultProxy, tmp_path: Path, connected: bool
) -> None:
    storage.read("parsed/a")
    if not connected:
        proxy.set(Refuse())
    with proxy.failing(Freeze()):
        took = _all_at_once(_calls(storage, tmp_path))
    assert max(took.values()) < LONGEST_S, took


def test_a_store_that_freezes_in_the_middle_of_a_body(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    with strange_store(Oddity(stalls="body")) as store:
        store.objects["/replays/parsed/a"] = SMALL
        calls = _calls(make_storage(hostname=store.hostname), tmp_path)
        took = _all_at_once({name: calls[name] for name in ("read", "fetch")})
    assert max(took.values()) < LONGEST_S, took
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_takes_an_upload_and_never_answers(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    with strange_store(Oddity(stalls="put")) as store:
        calls = _calls(make_storage(hostname=store.hostname), tmp_path)
        took = _all_at_once({name: calls[name] for name in ("write", "create")})
        assert store.objects["/replays/parsed/a"] == SMALL
    assert max(took.values()) < LONGEST_S, took


def _late(method: str, answer: Answer) -> Callable[[str], Fault]:
    """Too busy for a while, then this answer to these requests, and nothing at all to others."""
    end = time.monotonic() + 4.5

    def choose(line: str) -> Fault:
        if not line.startswith(method):
            return Freeze()
        return slow_down() if time.monotonic() < end else answer

    return choose


@pytest.mark.parametrize(
    ("name", "method", "answer"),
    [
        ("create", "PUT", Answer("412 Precondition Failed")),
        ("create", "PUT", Answer("501 Not Implemented")),
    ],
    ids=["who wrote it", "is it there"],
)
def test_what_is_asked_second_gets_the_rest_of_the_time(
    storage: MinioStorage,
    proxy: FaultProxy,
    tmp_path: Path,
    name: str,
    method: str,
    answer: Answer,
) -> None:
    proxy.choose(_late(method, answer))
    took = _seconds(_calls(storage, tmp_path)[name])
    assert took < LONGEST_S


def test_the_reason_of_a_refused_head_is_asked_for_in_the_same_time(
    storage: MinioStorage, proxy: FaultProxy
) -> None:
    proxy.choose(_late("HEAD", Answer("403 Forbidden")))
    began = time.monotonic()
    with pytest.raises(ParsekitError):
        storage.head("parsed/a")
    assert time.monotonic() - began < LONGEST_S


def test_an_upload_may_be_slow_while_it_keeps_a_second_for_each_mib(
    make_storage: MakeStorage,
) -> None:
    body = bytes(4 * 2**20)
    with strange_store(Oddity(takes_bytes_per_s=1.1 * 2**20)) as store:
        storage = make_storage(hostname=store.hostname)
        began = time.monotonic()
        assert storage.write("parsed/a", body)
        assert time.monotonic() - began > 3
        assert store.requests == ["PUT"]
        assert store.objects["/replays/parsed/a"] == body


def test_an_upload_that_is_too_slow_is_given_up(make_storage: MakeStorage) -> None:
    with strange_store(Oddity(takes_bytes_per_s=40_000)) as store:
        storage = make_storage(hostname=store.hostname)
        took = _all_at_once(
            {
                "write": lambda: storage.write("parsed/a", LARGE),
                "create": lambda: storage.write("parsed/b", LARGE, replace=False),
            }
        )
        assert store.objects == {}
    assert max(took.values()) < LONGEST_S + len(LARGE) / 2**20, took
