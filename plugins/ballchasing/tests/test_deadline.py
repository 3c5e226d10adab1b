"""A server that never ends what it says: each call ends all the same."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from devkit.servers.endless import Saying, drip, endless_server, flood
from parsekit.errors import RemoteUnavailable
from parsekit_ballchasing.client import BallchasingClient

CALL_S = 0.5

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

SAYINGS: dict[str, Saying] = {
    "nothing": lambda: iter(()),
    "100 Continue for ever": flood(piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue now and then": drip(piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints now and then": drip(piece=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "a status line that drips": drip(b"HTTP/1.1 200 "),
    "a header that drips": drip(OK + b"X-Long: "),
    "headers of a 100 that drip": drip(b"HTTP/1.1 100 Continue\r\nX-Long: "),
    "a redirect that drips": drip(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/"),
    "a refusal that drips": drip(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1"),
    "a body that drips": drip(OK + b"Content-Length: 4000000\r\n\r\n"),
    "a body without an end": drip(OK + b"\r\n"),
    "a chunk's length that drips": drip(CHUNKED, piece=b"0"),
    "a chunk's extension that drips": drip(CHUNKED + b"5;", piece=b"x"),
    "chunks that drip": drip(CHUNKED, piece=b"1\r\nx\r\n"),
    "trailers that drip": drip(CHUNKED + b"0\r\n", piece=b"X-Trailer: x\r\n"),
}


@pytest.fixture(params=["http", "https"])
def talking(request: Any, certificates: Path) -> Callable[..., Any]:
    """A client of a server that says this."""
    context, ca_file = None, None
    if request.param == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        ca_file = certificates / "ca.pem"

    @contextmanager
    def talk(saying: Saying, call_s: float = CALL_S) -> Iterator[BallchasingClient]:
        with endless_server(saying, context) as server:
            client = BallchasingClient(
                f"{request.param}://localhost:{server.port}/api",
                SecretStr("t"),
                ca_file=ca_file,
                timeout_s=(30.0, 30.0),
                call_s=call_s,
            )
            yield client
            client.close()

    return talk


@pytest.mark.parametrize("saying", SAYINGS)
def test_a_call_ends_whatever_the_server_says(talking: Callable[..., Any], saying: str) -> None:
    """It would last until the test's own time limit otherwise."""
    with talking(SAYINGS[saying]) as client, pytest.raises(RemoteUnavailable, match="in time"):
        client.look("an-id")


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_what_only_announces_an_answer_is_passed_over(
    talking: Callable[..., Any], interim: str
) -> None:
    announced = f"HTTP/1.1 {interim}\r\nLink: </x>\r\n\r\n".encode()
    pending = b'{"status": "pending"}'
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(pending) + pending
    with talking(lambda: iter([announced, announced, answer]), call_s=30.0) as client:
        assert client.look("an-id").status == "pending"


def test_an_upload_ends_that_is_taken_drop_by_drop(
    talking: Callable[..., Any], tmp_path: Path
) -> None:
    replay = tmp_path / "a.replay"
    replay.write_bytes(b"x" * 30_000_000)
    with talking(SAYINGS["nothing"]) as client, pytest.raises(RemoteUnavailable):
        client.upload(replay, "private")


def test_a_name_with_many_dead_addresses_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def unreachable(self: socket.socket, address: Any) -> None:
        tried.append(address)
        timeout_s = self.gettimeout()
        assert timeout_s is not None
        time.sleep(timeout_s)
        raise TimeoutError

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 80)) for n in range(200)]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: (
            found if host == "many.localhost" else real(host, *rest, **more)
        ),
    )
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    client = BallchasingClient(
        "http://many.localhost/api", SecretStr("t"), timeout_s=(0.3, 1.0), call_s=CALL_S
    )
    with pytest.raises(RemoteUnavailable, match="in time"):
        client.ping()
    assert 1 < len(tried) < 20
    client.close()
