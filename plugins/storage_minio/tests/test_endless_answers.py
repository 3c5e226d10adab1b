"""A store that never ends what it says: each call ends all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from devkit.deployment import poll
from devkit.servers.endless import Saying, drip, endless_server, flood
from parsekit.errors import ParsekitError, StorageUnavailable
from parsekit_storage_minio import requests, storage
from parsekit_storage_minio.storage import MinioStorage

from .conftest import MakeStorage

#: A call of the storage, made short, and what it may move.
CALL_S, LARGEST_BYTES = 2.0, 5 * 10**6
#: A call that has not ended by then would last for ten minutes.
NEVER_S = 60.0

OK = (
    b"HTTP/1.1 200 OK\r\n"
    b'ETag: "d41d8cd98f00b204e9800998ecf8427e"\r\n'
    b"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
)
ENDS = b"Content-Length: 4000000\r\n\r\n"
NEVER_ENDS = b"Transfer-Encoding: chunked\r\n\r\n"

SAYINGS: dict[str, Saying] = {
    "100 Continue for ever": flood(piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue now and then": drip(piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints now and then": drip(piece=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "a header that drips": drip(OK + b"X-Long: "),
    "a redirect to itself": drip(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /a\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    ),
    "a redirect that drips": drip(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/"),
    "a redirect whose body drips": drip(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n" + ENDS
    ),
    "an object that drips": drip(OK + ENDS),
    "an object that drips in chunks": drip(OK + NEVER_ENDS, piece=b"1\r\nx\r\n"),
    "an object whose chunk drips": drip(OK + NEVER_ENDS + b"5;"),
    "an object whose trailers drip": drip(OK + NEVER_ENDS + b"0\r\n", piece=b"X-Trailer: x\r\n"),
    "a refusal that drips": drip(b"HTTP/1.1 403 Forbidden\r\n" + ENDS + b"<Error>"),
    "a refusal without an end": flood(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a missing object that drips": drip(b"HTTP/1.1 404 Not Found\r\n" + ENDS + b"<Error>"),
    "a fault that drips": drip(b"HTTP/1.1 500 Internal Server Error\r\n" + ENDS + b"<Error>"),
}


#: A record of TLS that announces 16 KiB.
TLS_RECORD = b"\x16\x03\x03\x40\x00"


def _seconds(call: Callable[[], object]) -> float:
    began_s = time.monotonic()
    with suppress(ParsekitError):
        call()
    return time.monotonic() - began_s


def _took_s(tried: MinioStorage, folder: Path) -> list[float]:
    """How long each call took, all at once."""
    calls: list[Callable[[], object]] = [
        lambda: tried.head("parsed/a"),
        lambda: tried.read("parsed/a"),
        lambda: tried.fetch("parsed/a", folder / "t", max_bytes=LARGEST_BYTES),
        lambda: tried.write("parsed/a", b"x" * 1000),
        lambda: tried.write("parsed/b", b"x" * 1000, replace=False),
        lambda: tried.delete("parsed/a"),
    ]
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(_seconds, calls))


@pytest.fixture(autouse=True)
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "CALL_S", CALL_S)
    monkeypatch.setattr(storage, "LARGEST_READ_BYTES", LARGEST_BYTES)


@pytest.mark.parametrize("saying", SAYINGS)
def test_end_every_call_in_time_and_hang_up(
    make_storage: MakeStorage, tmp_path: Path, saying: str
) -> None:
    with endless_server(SAYINGS[saying]) as server:
        took_s = _took_s(make_storage(hostname=f"127.0.0.1:{server.port}"), tmp_path)
        poll(lambda: not server.listeners)
    assert max(took_s) < NEVER_S, took_s


def test_end_a_handshake_that_drips(make_storage: MakeStorage, tmp_path: Path) -> None:
    with endless_server(drip(TLS_RECORD)) as server:
        took_s = _took_s(make_storage(hostname=f"https://127.0.0.1:{server.port}"), tmp_path)
        poll(lambda: not server.listeners)
    assert max(took_s) < NEVER_S, took_s


def test_an_answer_that_drips_is_late(make_storage: MakeStorage) -> None:
    with endless_server(SAYINGS["a fault that drips"]) as server:
        tried = make_storage(hostname=f"127.0.0.1:{server.port}")
        with pytest.raises(StorageUnavailable, match="no answer in time"):
            tried.read("parsed/a")
