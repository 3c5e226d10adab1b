"""A connection whose other end went without a word, in the middle of one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.testing.sinks import outcome_of
from parsekit_sinks_rabbitmq import channel

from .conftest import Caller, Sinks, until
from .test_outages import ends, unique


def test_a_connection_that_ends_in_the_middle_of_a_frame_is_given_up(
    transport: JsonObject, tmp_path: Path, broker: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "HEARTBEAT_S", 2)
    with half_a_frame(broker.port) as (port, cut):
        sinks = Sinks({"transport": {**transport, "url": f"amqp://127.0.0.1:{port}"}}, tmp_path)
        sinks.task(outcome_of("before"), sinks.queue)
        sinks.settle()
        cut.set()
        until(lambda: not cut.is_set(), "half a heartbeat")
        sinks.task(outcome_of("after"), sinks.queue)
        sinks.settle()
        with Caller(broker, sinks.queue) as caller:
            assert unique(ends(caller.messages_now())) == ["before", "after"]
        sinks.close()


@contextmanager
def half_a_frame(target: int) -> Iterator[tuple[int, threading.Event]]:
    """A proxy that, once told to, passes seven bytes more of a connection, and then nothing."""
    cut = threading.Event()

    def down(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if cut.is_set():
                    client.sendall(data[:7])
                    cut.clear()
                    return
                client.sendall(data)

    def up(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", target))
                open_sockets.extend((client, server))
                for work, pair in ((down, (server, client)), (up, (client, server))):
                    threading.Thread(target=work, args=pair, daemon=True).start()

    open_sockets: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], cut
        listener.shutdown(socket.SHUT_RDWR)
    for each in open_sockets:
        each.close()
