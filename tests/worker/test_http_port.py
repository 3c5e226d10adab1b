"""The port for probes and Prometheus: clients may come and go as they like."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from devkit.deployment import poll
from parsekit.worker.monitoring import http

PAGE = b"parsekit_up 1\n" * 100_000


@contextmanager
def serving(page: Callable[[], bytes]) -> Iterator[tuple[str, int]]:
    well = SimpleNamespace(not_live=lambda _now: None, not_ready=lambda _now: "the broker is away")
    made = http.serve("0", SimpleNamespace(now=lambda: well), page)
    yield made.server_address
    made.shutdown()
    made.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(http, "_SILENCE_SECONDS", 0.3)
    with serving(lambda: PAGE) as address:
        yield address


def asked(server: tuple[str, int], path: str) -> bytes:
    with socket.create_connection(server, timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_it_says_how_the_worker_is(server: tuple[str, int]) -> None:
    assert b" 200 " in asked(server, "/healthz").splitlines()[0]
    assert b" 503 " in asked(server, "/readyz").splitlines()[0]
    assert b" 404 " in asked(server, "/secrets").splitlines()[0]
    assert asked(server, "/metrics").endswith(PAGE)
    assert asked(server, "/metrics?name=parsekit_slots").endswith(PAGE)


def test_a_page_that_can_not_be_made_is_an_error_and_no_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> bytes:
        raise OverflowError("too large a number")

    with serving(fail) as server:
        assert b" 500 " in asked(server, "/metrics").splitlines()[0]
        assert b" 200 " in asked(server, "/healthz").splitlines()[0]
    assert "too large a number" in caplog.text


def test_a_client_that_is_silent_is_hung_up_on(server: tuple[str, int]) -> None:
    before = threading.active_count()
    clients = [socket.create_connection(server, timeout=10) for _ in range(5)]
    try:
        assert [client.recv(1) for client in clients] == [b""] * 5
        poll(lambda: threading.active_count() <= before, seconds=10)
    finally:
        for client in clients:
            client.close()


def test_a_client_that_goes_away_leaves_no_traceback(
    server: tuple[str, int], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(server, timeout=10) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.5)
    assert capfd.readouterr().err == ""
    assert b" 200 " in asked(server, "/healthz").splitlines()[0]
