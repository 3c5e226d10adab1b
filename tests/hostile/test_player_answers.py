"""What a player's replay may make its process say to the host: any bytes."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.errors import ERRORS
from parsekit.json_text import JsonData, NotJson
from parsekit.model import Parsed
from parsekit.parsers.isolation.protocol import (
    MAX_ERROR_CHARACTERS,
    MAX_STEP_CHARACTERS,
    Closed,
    Failed,
    ProgressStep,
    decode_reply,
    receive,
)

from .odd_json import json_of

JSON = json_of()
IDS = st.sampled_from(["ours", "ours", "ours", "other", "", None])
#: What a child says, but for the value.
NEARLY = (
    st.tuples(st.just("progress"), st.tuples(st.floats() | JSON, JSON))
    | st.tuples(st.just("error"), st.tuples(st.sampled_from([*ERRORS, "made_up"]), JSON, JSON))
    | st.tuples(
        st.just("parsed"),
        st.fixed_dictionaries(
            {"data": st.dictionaries(st.text(), JSON) | JSON, "warnings": st.lists(JSON) | JSON}
        ),
    )
    | st.tuples(st.sampled_from(["out_of_memory", "has_secret", "exit", None]), JSON)
)
ANSWERS = st.tuples(IDS, NEARLY).map(lambda answer: [answer[0], *answer[1]])
BODIES = st.binary(max_size=40) | (ANSWERS | ANSWERS | JSON).map(
    lambda value: json.dumps(value).replace("Infinity", "1e999").encode()
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(body=BODIES)
def test_whatever_a_child_says_is_about_its_own_replay_and_bounded(body: bytes):
    """Among them waits, quotas and ends of tasks, which are not a replay's to tell."""
    try:
        reply = decode_reply(body, "ours")
    except ValueError:
        return
    assert json.loads(body)[0] == "ours"
    match reply:
        case ProgressStep(value, message):
            assert math.isfinite(value)
            assert len(message) <= MAX_STEP_CHARACTERS
        case Failed(error):
            about_a_replay = {"parser_failed", "invalid_replay", "replay_not_found"}
            assert error.code in {*about_a_replay, "plugin_failed"}
            assert error.retry_after_s is None
            assert len(error.message) <= MAX_ERROR_CHARACTERS
        case Parsed() as parsed:
            assert all(len(each) <= MAX_ERROR_CHARACTERS for each in parsed.warnings)
            with suppress(NotJson):
                assert json.loads(JsonData.of(dict(parsed.data)).text) == parsed.data


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    pieces=st.lists(
        st.binary(max_size=30) | st.binary(max_size=9).map(lambda b: struct.pack("<I", len(b)) + b),
        max_size=6,
    )
)
def test_whatever_bytes_come_are_cut_into_frames_or_refused(pieces: list[bytes]):
    said, heard = b"".join(pieces), b""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        theirs.close()
        with suppress(Closed, ValueError):
            while True:
                body = receive(ours, time.monotonic() + 60, max_bytes=20)
                assert len(body) <= 20
                heard += struct.pack("<I", len(body)) + body
    assert said.startswith(heard)
