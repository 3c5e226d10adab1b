"""Who answers as the API may say anything: it is of this replay, or becomes one of our errors.

That it may also never end an answer is the business of ``test_deadline.py``.
"""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from parsekit.errors import ParsekitError
from parsekit_ballchasing.client import BallchasingClient, PollAnswer, Uploaded
from parsekit_ballchasing.response import check_body
from parsekit_ballchasing.retry_after import LONGEST_S, SHORTEST_S
from parsekit_ballchasing.ticket import Ticket, is_replay_id

TOKEN = "test-token-0123456789"
NOW_UNIX = 1_790_000_000.0
MOST_CHARACTERS = 400

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, "\ud800", "x" * 5000, f"the key {TOKEN}\n\x1b[2J", "../../admin"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
#: Nearly what the API says of a replay.
BODIES = st.fixed_dictionaries(
    {
        "id": st.just("r1") | JSON,
        "status": st.sampled_from(["ok", "pending", "failed"]) | JSON,
        "link": st.just("https://ballchasing.com/api/replays/r1") | JSON,
        "created": st.just("2026-03-10T20:00:00Z") | JSON,
        "uploader": st.just({}) | JSON,
        "blue": st.just({}) | st.fixed_dictionaries({"players": st.lists(JSON, max_size=2)}) | JSON,
        "orange": st.just({}) | JSON,
    },
    optional={"error": JSON, "location": JSON},
)
CONTENTS = st.binary(max_size=30) | (BODIES | JSON).map(
    lambda value: json.dumps(value).replace("Infinity", "1e999").encode()
)
STATUSES = st.sampled_from(
    (
        *(200, 201, 204, 206, 226, 301, 302, 304, 308, 400, 401, 403, 404, 408, 409, 425, 429, 451),
        *(500, 503, 599, 0, 600, 999),
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "Content-Encoding", "Transfer-Encoding", "Location", "Set-Cookie", "X"]
    ),
    st.sampled_from(["gzip", "deflate, gzip", "chunked", "br", "http://127.0.0.1:9/", "-1", "NaN"])
    | st.sampled_from(["9" * 400, "120", "Thu, 01 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999"])
    | st.sampled_from(["Fri, 31 Dec 9999 23:59:59 -1400", "Thu, 01 Jan 1970 99:99:99 GMT"])
    | st.binary(max_size=20).map(lambda raw: raw.decode("latin-1").translate({10: " ", 13: " "})),
    max_size=3,
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """What is said on the socket, before it is closed."""
    if not draw(st.integers(0, 9)):
        return draw(st.binary(max_size=60))
    content = draw(CONTENTS)
    headers = draw(HEADERS)
    if draw(st.booleans()):
        length = draw(st.sampled_from(["right", "9", "-1", "9" * 30, "x"]))
        headers["Content-Length"] = str(len(content)) if length == "right" else length
    lines = [f"HTTP/1.1 {draw(STATUSES)} odd", *(f"{name}: {v}" for name, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class Api:
    """Hears each request to its end, and says what it was told to say."""

    def __init__(self) -> None:
        self.answer = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with suppress(OSError), connection, connection.makefile("rb") as heard:
                    length = 0
                    while (line := heard.readline().strip().lower()) != b"":
                        if line.startswith(b"content-length:"):
                            length = int(line.partition(b":")[2])
                    heard.read(length)
                    connection.sendall(self.answer)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[BallchasingClient]:
    made = BallchasingClient(
        api.url, SecretStr(TOKEN), clock=lambda: NOW_UNIX, timeout_s=(30, 30), call_s=60
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "a.replay"
    path.write_bytes(b"goal!")
    return path


def failure_of(call: Callable[[], Any]) -> ParsekitError | None:
    """How it failed, None where its answer is good."""
    try:
        check(call())
    except ParsekitError as error:
        return error
    return None


def check(answer: Any) -> None:
    """What the parser relies on."""
    match answer:
        case Uploaded(replay_id):
            assert is_replay_id(replay_id)
        case PollAnswer(status, body):
            assert status in ("ok", "pending", "failed")
            if status == "ok":
                check_body(body, "r1")
        case _:
            assert isinstance(answer, dict)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(answer=answers(), call=st.sampled_from(["ping", "look", "upload"]))
def test_whatever_the_api_says_is_usable_or_an_error_in_words(
    api: Api, client: BallchasingClient, replay: Path, answer: bytes, call: str
) -> None:
    api.answer = answer
    calls = {
        "ping": client.ping,
        "look": lambda: client.look("r1"),
        "upload": lambda: client.upload(replay, "private"),
    }
    error = failure_of(calls[call])
    if error is not None:
        assert len(error.message) < MOST_CHARACTERS
        assert error.message.isprintable()
        assert TOKEN not in error.message
        wait_s = error.retry_after_s
        assert wait_s is None or SHORTEST_S <= wait_s <= LONGEST_S


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    kept=st.none()
    | st.dictionaries(
        st.sampled_from(["since", "id", "uploaded", "duplicate", "stumbles", "uploads"]), JSON
    )
)
def test_whatever_was_kept_of_a_replay_is_a_ticket_of_ours(kept: dict[str, Any] | None) -> None:
    """Where no key is configured, who can write to the storage can write tickets."""
    ticket = Ticket.read(kept, now_unix=NOW_UNIX)
    assert ticket.replay_id == "" or is_replay_id(ticket.replay_id)
    assert 0 <= ticket.since_unix <= NOW_UNIX
    assert 0 <= ticket.uploaded_unix <= NOW_UNIX
    assert all(math.isfinite(each) and each >= 0 for each in (ticket.stumbles, ticket.uploads))
    assert Ticket.read(ticket.to_json(), now_unix=NOW_UNIX) == ticket
