"""What a message carries of its task is believed only where this deployment has signed it."""

from __future__ import annotations

import hashlib
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.provenance import Signer
from parsekit.testing.deployment import poll
from parsekit.worker import keys
from parsekit.worker.carried import CARRIED_HEADER, Carried, carried_by, signed

OURS, OTHERS = Signer((b"o" * 32,)), Signer((b"x" * 32,))
CALL = {"replayObjectPath": "replays/a.replay", "progressQueue": None}
CARRIED = Carried(
    state={"started_unix": 1.5e9, "ticket": {"id": "r1", "n": [1, None, "é"]}, "progress": 42.5},
    until_unix=1.6e9,
    caller="gen7@web1",
    again="0123abcd",
)


def read(header: Any, task_id: str = "t", kwargs: dict[str, Any] = CALL, signer: Signer = OURS):
    request = SimpleNamespace(id=task_id, **{CARRIED_HEADER: header})
    return carried_by(request, kwargs, signer)


def header() -> dict[str, Any]:
    """As it arrives: JSON all the way."""
    made = signed(CARRIED, "t", CALL, OURS)[CARRIED_HEADER]
    return json.loads(json.dumps(made))


def test_what_was_signed_is_read_as_it_was():
    assert read(header()) == CARRIED
    assert read(header(), signer=Signer((b"n" * 32, *OURS.keys))) == CARRIED
    assert read(None) == Carried()


def test_nothing_of_another_task_or_replay_or_key_is_believed(caplog: pytest.LogCaptureFixture):
    assert read(header(), task_id="u") == Carried()
    assert read(header(), kwargs={**CALL, "replayObjectPath": "replays/b.replay"}) == Carried()
    assert read(header(), signer=OTHERS) == Carried()
    assert [" starts anew" in record.getMessage() for record in caplog.records] == [True] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    edits=st.dictionaries(
        st.sampled_from(["state", "until_unix", "caller", "again", "signature", "more"]),
        JSON,
        min_size=1,
    )
)
def test_no_edit_survives(edits: dict[str, Any]):
    forged = {**header(), **edits}
    assert read(forged) == (CARRIED if forged == header() else Carried())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(JSON)
def test_whatever_stands_in_the_header_is_read_without_an_error(value: Any):
    assert read(value) == Carried()


def test_a_caller_can_not_plant_another_matchs_statistics(any_broker):
    """It names the victim's content, and a ticket that leads to a match of its own."""
    service = any_broker
    service.worker("--concurrency", "1").ready()
    mine = service.send(service.replay("mine", seed=3)).get(timeout=60)
    victim = service.store / service.replay("victim", seed=1)
    service.replay("any", seed=2)
    state = {
        "started_unix": time.time(),
        "fingerprint": hashlib.sha256(victim.read_bytes()).hexdigest(),
        "sha256": "f" * 64,
        "size_bytes": 12,
        "ticket": {"sha256": mine["hash"], "until": time.time() + 900},
    }
    carried = {"state": state, "until_unix": 0.0, "caller": "", "again": "", "signature": "x"}
    attack = service.send("replays/any.replay", headers={CARRIED_HEADER: carried})
    assert attack.get(timeout=60)["data"] != mine["data"]
    result = service.send("replays/victim.replay").get(timeout=60)
    assert not result["cached"]
    assert result["data"] == {"sha256": result["hash"]}
    poll(lambda: "starts anew" in service.workers[-1].text())


def test_a_task_that_waits_goes_on_with_what_it_knew(any_broker):
    service = any_broker
    worker = service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=2)
    result = service.send(service.replay("one"))
    assert result.get(timeout=60)["data"]
    assert len(service.uploads) == 1
    worker.stop()
    assert "starts anew" not in worker.text()


def test_a_configured_key_signs_what_messages_carry(
    make_service, redis_server, redis_client, tmp_path
):
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("k" * 64)
    url = redis_server.url()
    config = {"celery": {"broker": url, "backend": url}, "provenance": {"key_file": str(key)}}
    service = make_service(config)
    service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=2)
    assert service.send(service.replay("one")).get(timeout=60)["data"]
    assert not redis_client.exists(keys.CARRYING_KEY)
