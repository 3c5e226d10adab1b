"""What `parsekit top` asks a Redis without redis-py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.worker.redis.plain import open_plain


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server with a password and a socket."""
    folder = tmp_path_factory.mktemp("locked")
    with valkey(folder, "--requirepass", "p@ss w/rd", "--unixsocket", f"{folder}/s.sock") as server:
        yield server


def test_every_kind_of_answer_is_understood(redis_server, redis_client):
    redis_client.rpush("list", "a", "", "ü\r\n")
    redis_client.set("text", b"x" * 100_000)
    with open_plain(redis_server.url()) as client:
        said = client.ask(
            ("PING",), ("LLEN", "list"), ("LRANGE", "list", "0", "-1"), ("MGET", "text", "none")
        )
        assert said == [b"PONG", 3, [b"a", b"", "ü\r\n".encode()], [b"x" * 100_000, None]]
        assert client.ask(("LRANGE", "none", "0", "-1")) == [[]]


def test_user_password_database_and_socket_are_those_of_the_address(locked: ValkeyServer):
    admin = redis.Redis(port=locked.port, password="p@ss w/rd", db=3)
    admin.set("where", "three")
    allowed = {"keys": "*", "commands": ["+get", "+select"]}
    admin.acl_setuser("top", enabled=True, passwords=["+se:cret"], **allowed)
    socket = Path(locked.folder) / "s.sock"
    for url in (
        f"redis://:p%40ss%20w%2Frd@127.0.0.1:{locked.port}/3",
        f"redis+socket://:p%40ss%20w%2Frd@{socket}?virtual_host=3",
    ):
        with open_plain(url) as client:
            assert client.ask(("GET", "where")) == [b"three"]
    with open_plain(f"redis://top:se%3Acret@127.0.0.1:{locked.port}/3") as client:
        assert client.ask(("GET", "where")) == [b"three"]


@pytest.mark.parametrize("user", ["", ":wrong@"])
def test_a_refusal_is_a_value_error(locked: ValkeyServer, user: str):
    with (
        pytest.raises(ValueError, match=r"refused: (NOAUTH|WRONGPASS)"),
        open_plain(f"redis://{user}127.0.0.1:{locked.port}/0") as client,
    ):
        client.ask(("GET", "where"))


def test_a_server_that_hangs_up_is_a_value_error(tmp_path: Path):
    with valkey(tmp_path) as server, open_plain(server.url()) as client:
        server.stop()
        with pytest.raises((ValueError, OSError)):
            client.ask(("PING",))
