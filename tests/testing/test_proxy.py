from __future__ import annotations

import http.client
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from devkit.servers.proxy import (
    Answer,
    Cut,
    FaultProxy,
    Freeze,
    HalfOpen,
    Refuse,
    Reset,
    Slow,
    fault_proxy,
    slow_down,
)

BODY = bytes(range(256)) * 1000


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_PUT(self) -> None:
        length = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("X-Length", str(length))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: http.server.ThreadingHTTPServer) -> Iterator[FaultProxy]:
    with fault_proxy(server.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Callable[[float], http.client.HTTPConnection]]:
    made: list[http.client.HTTPConnection] = []

    def connect(timeout: float) -> http.client.HTTPConnection:
        made.append(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


Connect = Callable[[float], http.client.HTTPConnection]


def get(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/a")
    return connection.getresponse().read()


def test_without_a_fault_everything_passes(proxy: FaultProxy, connect: Connect) -> None:
    connection = connect(30)
    assert get(connection) == get(connection) == BODY
    connection.request("PUT", "/b", body=BODY)
    assert connection.getresponse().headers["X-Length"] == str(len(BODY))
    assert proxy.requests == ["GET /a", "GET /a", "PUT /b"]
    assert proxy.connections == 1


def test_refuse_resets_open_connections_and_takes_no_new_ones(
    proxy: FaultProxy, connect: Connect
) -> None:
    connection, port = connect(30), proxy.port
    get(connection)
    with proxy.failing(Refuse()):
        with pytest.raises((ConnectionError, http.client.BadStatusLine)):
            get(connection)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 30)
    assert proxy.port == port
    assert get(connect(30)) == BODY


def test_reset_breaks_in_the_middle_of_an_answer(proxy: FaultProxy, connect: Connect) -> None:
    proxy.set(Reset(after_bytes=1000), times=1)
    with pytest.raises(ConnectionResetError):
        get(connect(30))
    assert get(connect(30)) == BODY


def test_cut_ends_an_answer_early_as_if_it_were_whole(proxy: FaultProxy, connect: Connect) -> None:
    proxy.set(Cut(after_bytes=1000), times=2)
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead) as caught:
            get(connect(30))
        assert 0 < len(caught.value.partial) < 1000
    assert get(connect(30)) == BODY


def test_freeze_holds_open_connections_and_lets_them_go_on(
    proxy: FaultProxy, connect: Connect
) -> None:
    connection = connect(0.2)
    get(connection)
    with proxy.failing(Freeze()):
        connection.request("GET", "/a")
        with pytest.raises(TimeoutError):
            connection.sock.recv(1)
        connection.sock.settimeout(30)
    assert connection.getresponse().read() == BODY


def test_half_open_connections_never_come_back(proxy: FaultProxy, connect: Connect) -> None:
    connection = connect(0.2)
    get(connection)
    with proxy.failing(HalfOpen()):
        connection.request("GET", "/a")
        with pytest.raises(TimeoutError):
            connection.getresponse()
    connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.sock.recv(1)
    assert get(connect(30)) == BODY


def test_slow_answers_arrive_whole_and_late(proxy: FaultProxy, connect: Connect) -> None:
    proxy.set(Slow(bytes_per_s=len(BODY) * 4))
    start = time.monotonic()
    assert get(connect(30)) == BODY
    assert time.monotonic() - start > 0.2


def test_healing_hurries_a_slow_answer(proxy: FaultProxy, connect: Connect) -> None:
    proxy.set(Slow(bytes_per_s=100))
    connection = connect(30)
    connection.request("GET", "/a")
    proxy.heal()
    assert connection.getresponse().read() == BODY


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_answer_stands_in_for_the_server(
    proxy: FaultProxy, connect: Connect, method: str
) -> None:
    proxy.set(slow_down(), times=1)
    connection = connect(30)
    connection.request(method, "/a", body=BODY if method == "PUT" else None)
    answer = connection.getresponse()
    assert (answer.status, answer.reason) == (503, "Slow Down")
    assert b"<Code>SlowDown</Code>" in answer.read()
    connection.request(method, "/a", body=BODY if method == "PUT" else None)
    assert connection.getresponse().status < 300


def test_a_server_that_is_away_resets_the_client(server: http.server.ThreadingHTTPServer) -> None:
    with fault_proxy(server.server_address[1]) as proxy:
        proxy.target_port = 1
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        with pytest.raises((ConnectionError, http.client.BadStatusLine)):
            get(connection)


def test_an_answer_carries_its_headers() -> None:
    text = Answer("429 Too Many Requests", b"no", {"Retry-After": "7"}).encoded()
    assert text.startswith(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n")
    assert text.endswith(b"\r\n\r\nno")


def test_a_closed_proxy_leaves_nothing_behind(server: http.server.ThreadingHTTPServer) -> None:
    before = threading.active_count()
    for _ in range(5):
        with fault_proxy(server.server_address[1]) as proxy:
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
            get(connection)
        connection.close()
    end = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before
