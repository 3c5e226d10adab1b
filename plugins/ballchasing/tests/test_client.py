"""The client on a real socket: every odd answer is one of our errors, and nothing leaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from parsekit.errors import (
    ParsekitError,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    Unauthorized,
)
from parsekit_ballchasing.client import MAX_ANSWER_BYTES, BallchasingClient, ReplayGone
from parsekit_ballchasing.server_message import server_message
from parsekit_ballchasing.simulator import Simulator
from parsekit_ballchasing.simulator.faults import KINDS, Fault, FaultKind
from parsekit_ballchasing.ticket import is_replay_id

Make = Callable[..., Any]
TOKEN = "test-token-0123456789"


@pytest.fixture
def client(sandbox: Simulator, clock: Any) -> Iterator[BallchasingClient]:
    made = BallchasingClient(sandbox.url, SecretStr(TOKEN), clock=clock, timeout_s=(2, 1))
    yield made
    made.close()


def upload(client: BallchasingClient, path: Path) -> str:
    return client.upload(path, "private").replay_id


class TestUpload:
    def test_sends_the_whole_file_at_every_attempt(
        self, client: BallchasingClient, sandbox: Simulator, make_replay: Make
    ) -> None:
        path = make_replay(size_bytes=300_000).path
        sandbox.faults.scripted = [Fault(kind="500"), Fault(kind="reset")]
        for _ in range(2):
            with pytest.raises(RemoteUnavailable):
                upload(client, path)
        upload(client, path)
        assert next(iter(sandbox.site.replays.values())).content == path.read_bytes()

    def test_takes_a_duplicate_for_success(
        self, client: BallchasingClient, make_replay: Make
    ) -> None:
        first = client.upload(make_replay().path, "private")
        again = client.upload(make_replay().path, "private")
        assert (first.duplicate, again.duplicate) == (False, True)
        assert first.replay_id == again.replay_id

    def test_does_not_tell_the_name_of_the_file(
        self,
        client: BallchasingClient,
        sandbox: Simulator,
        make_replay: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        seen = []
        monkeypatch.setattr(
            "parsekit_ballchasing.simulator.replays.file_part",
            lambda _, body: seen.append(body),
        )
        with pytest.raises(RemoteRejected):
            upload(client, make_replay("players-real-name").path)
        assert b"players-real-name.replay" not in seen[0]

    @pytest.mark.parametrize("answered", [{}, {"id": 7}, {"id": "../../x"}, {"id": "a" * 99}])
    def test_without_a_usable_id_is_tried_again(
        self,
        client: BallchasingClient,
        make_replay: Make,
        monkeypatch: pytest.MonkeyPatch,
        answered: Any,
    ) -> None:
        monkeypatch.setattr("parsekit_ballchasing.simulator.replays._place", lambda *_: answered)
        with pytest.raises(RemoteUnavailable, match="without a usable id"):
            upload(client, make_replay().path)


class TestFault:
    @pytest.mark.parametrize(
        ("kind", "error", "text"),
        [
            ("429", RateLimited, "429"),
            ("429-seconds", RateLimited, "too many requests"),
            ("429-date", RateLimited, "too many requests"),
            ("401", Unauthorized, "invalid API key"),
            ("403", Unauthorized, "token_file"),
            ("400", RemoteRejected, "not a .replay file"),
            ("500", RemoteUnavailable, "reason here"),
            ("502-html", RemoteUnavailable, "502"),
            ("503-seconds", RemoteUnavailable, "maintenance"),
            ("reset", RemoteUnavailable, "can't be reached"),
            ("truncated", RemoteUnavailable, "can't be reached"),
            ("truncated-json", RemoteUnavailable, "not JSON"),
            ("hang", RemoteUnavailable, "in time"),
            ("huge", RemoteUnavailable, f"more than {MAX_ANSWER_BYTES} bytes"),
            ("garbage", RemoteUnavailable, "not JSON"),
            ("redirect", RemoteUnavailable, "not followed"),
        ],
    )
    def test_becomes_one_error(
        self,
        client: BallchasingClient,
        sandbox: Simulator,
        make_replay: Make,
        kind: FaultKind,
        error: Any,
        text: str,
    ) -> None:
        sandbox.faults.scripted = [Fault(kind=kind, seconds=30, after=True)]
        with pytest.raises(error, match=text) as caught:
            upload(client, make_replay().path)
        assert TOKEN not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_of_every_kind_is_known_here(self) -> None:
        parametrized = TestFault.test_becomes_one_error.pytestmark[0].args[1]
        assert {case[0] for case in parametrized} == set(KINDS)

    @pytest.mark.parametrize("kind", ["429-seconds", "429-date", "503-seconds"])
    def test_carries_what_was_announced(
        self, client: BallchasingClient, sandbox: Simulator, kind: FaultKind
    ) -> None:
        sandbox.faults.scripted = [Fault(kind=kind, seconds=42)]
        with pytest.raises(ParsekitError) as caught:
            client.ping()
        assert caught.value.retry_after_s == pytest.approx(42, abs=1)

    def test_in_one_answer_spoils_no_later_one(
        self, client: BallchasingClient, sandbox: Simulator, clock: Any
    ) -> None:
        for kind in KINDS:
            if kind != "hang":
                clock.sleep(1)
                sandbox.faults.scripted = [Fault(kind=kind)]
                with pytest.raises(ParsekitError):
                    client.ping()
                assert client.ping()["chaser"] is True

    def test_of_a_server_that_is_not_there(self, clock: Any) -> None:
        client = BallchasingClient("http://127.0.0.1:9/api", SecretStr(TOKEN), timeout_s=(1, 1))
        with pytest.raises(RemoteUnavailable, match="can't be reached"):
            client.ping()
        client.close()


class TestLook:
    def test_at_a_pending_and_a_finished_replay(
        self, client: BallchasingClient, clock: Any, make_replay: Make
    ) -> None:
        replay_id = upload(client, make_replay().path)
        assert client.look(replay_id).status == "pending"
        clock.sleep(13)
        assert client.look(replay_id).status == "ok"

    def test_at_a_replay_that_is_not_there(self, client: BallchasingClient) -> None:
        with pytest.raises(ReplayGone, match="404"):
            client.look("0000")

    def test_at_a_status_that_nobody_knows(
        self,
        client: BallchasingClient,
        sandbox: Simulator,
        make_replay: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        replay_id = upload(client, make_replay().path)
        monkeypatch.setattr(sandbox.site, "status", lambda _: "queued")
        with pytest.raises(RemoteUnavailable, match="'queued'"):
            client.look(replay_id)


class TestWords:
    def test_of_the_server_never_hold_the_token(self) -> None:
        body = json.dumps({"error": f"key {TOKEN} is\nunknown\x1b[31m"}).encode()
        assert server_message(body, secret=TOKEN) == '"key <token> is unknown[31m"'

    def test_of_the_server_are_trimmed(self) -> None:
        assert len(server_message(json.dumps({"error": "x" * 9999}).encode(), secret=TOKEN)) < 210

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"error": {}}', b"[" * 100_000, b"\xff"])
    def test_are_none_where_there_are_none(self, body: Any) -> None:
        assert server_message(body, secret=TOKEN) == ""


@pytest.mark.parametrize("bad", ["", "a/b", "..", "a?b", "a b", "a\n", None, 7, "é"])
def test_what_is_no_id_never_gets_into_a_url(bad: Any) -> None:
    assert not is_replay_id(bad)
