"""Who can write to the storage puts anything in the place of a result or a ticket of ours.

With a key nothing is used that a worker has not written; without one only what has our form. What
is refused is made anew, as `tests/pipeline/test_provenance.py` and ``test_unreadable.py`` show.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.json_text import JsonData
from parsekit.model import Failure, Tried
from parsekit.storage.results import Result, ResultName, ResultStore
from parsekit.storage.signing import Signer
from parsekit.storage.tickets import StoredTicket, Tickets
from parsekit.storage.untrusted import MAX_NUMBER

from .odd_json import SCALARS, json_of

KEY = Signer((b"k" * 32,))
NAME = ResultName(fingerprint="0123456789abcdef0123456789abcdef-42", parser="local", version="1")
RESULT = Result(
    name=NAME,
    sha256="ab" * 32,
    size_bytes=42,
    task_id="task-1",
    stored_unix=1.5e9,
    data=JsonData.of({"blue": {"goals": 3}, "title": 'a "b", é'}),
    warnings=("no file \udcff",),
    tried=(
        Tried(parser="other", failure=Failure(code="parser_failed", message="no", retryable=False)),
    ),
)
KEPT = StoredTicket(
    ticket={"id": "ours", "n": [1, None, "é"]},
    sha256="ab" * 32,
    size_bytes=42,
    progress=42.5,
    parse_began_unix=1.5e9,
)


class Planted:
    """A storage in which one object stands under every key."""

    results_prefix = "parsed"

    def __init__(self, body: bytes = b"") -> None:
        self.body = body

    def read(self, _key: str) -> bytes:
        return self.body

    def write(self, _key: str, body: bytes, *, replace: bool = True) -> bool:
        self.body = body
        return replace


def result_store(signer: Signer | None) -> ResultStore:
    return ResultStore(Planted(), signer)  # type: ignore[arg-type]


def ticket_of_ours(signer: Signer | None) -> bytes:
    planted = Planted()
    Tickets(planted, signer).keep(NAME, KEPT)  # type: ignore[arg-type]
    return planted.body


def found_ticket(body: bytes, signer: Signer | None) -> StoredTicket | None:
    return Tickets(Planted(body), signer).find(NAME)  # type: ignore[arg-type]


#: What JSON text a value is replaced by; not all of it is JSON.
TEXTS = json_of(SCALARS | st.sampled_from([42, 42.0, "ab" * 32, NAME.fingerprint])).map(
    lambda value: json.dumps(value).replace("Infinity", "1e999")
)


@st.composite
def forgeries(draw: st.DrawFn, honest: bytes) -> bytes:
    """The document with other values, members more or less, or other bytes; or anything else."""
    kind = draw(st.sampled_from(["values", "bytes", "other"]))
    if kind == "other":
        return draw(st.binary(max_size=40) | TEXTS.map(str.encode))
    if kind == "bytes":
        start = draw(st.integers(0, len(honest)))
        end = draw(st.integers(start, min(start + 9, len(honest))))
        return honest[:start] + draw(st.binary(max_size=9)) + honest[end:]
    document: Any = json.loads(honest)
    texts: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        place = document
        nested = [each for each in place.values() if isinstance(each, dict)]
        if nested and draw(st.booleans()):
            place = draw(st.sampled_from(nested))
        place[draw(st.sampled_from([*place, "more"]))] = f"the value {number}"
        texts.append(draw(TEXTS))
    text = json.dumps(document, separators=(",", ":"))
    for number, value in enumerate(texts):
        text = text.replace(f'"the value {number}"', value)
    return text.encode()


@pytest.mark.parametrize("signer", [KEY, None], ids=["signed", "unsigned"])
def test_what_we_have_written_is_read_as_it_was(signer: Signer | None) -> None:
    assert result_store(signer).decode(result_store(signer).encode(RESULT), NAME) == RESULT
    assert found_ticket(ticket_of_ours(signer), signer) == KEPT


@settings(max_examples=400, deadline=None, derandomize=True)
@given(body=forgeries(result_store(KEY).encode(RESULT)))
def test_with_a_key_no_other_result_is_served(body: bytes) -> None:
    assert result_store(KEY).decode(body, NAME) in (None, RESULT)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(body=forgeries(result_store(None).encode(RESULT)))
def test_without_a_key_what_is_served_is_whole_and_of_this_replay(body: bytes) -> None:
    found = result_store(None).decode(body, NAME)
    if found is None:
        return
    assert found.name == NAME
    document = json.loads(body)
    assert found.data.value == document["data"]
    assert found.data.sha256 == document["provenance"]["dataSha256"]
    assert 0 <= found.size_bytes <= MAX_NUMBER
    assert 0 <= found.stored_unix <= MAX_NUMBER
    assert all(isinstance(each, str) for each in (found.sha256, found.task_id, *found.warnings))
    assert result_store(KEY).decode(result_store(KEY).encode(found), NAME) == found


@settings(max_examples=400, deadline=None, derandomize=True)
@given(body=forgeries(ticket_of_ours(KEY)))
def test_with_a_key_no_other_ticket_is_followed(body: bytes) -> None:
    assert found_ticket(body, KEY) in (None, KEPT)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(body=forgeries(ticket_of_ours(None)))
def test_without_a_key_what_is_followed_has_our_form(body: bytes) -> None:
    found = found_ticket(body, None)
    if found is None:
        return
    assert isinstance(found.ticket, dict)
    assert found.sha256.isalnum() or not found.sha256
    assert 0 <= found.size_bytes <= MAX_NUMBER
    assert 0 <= found.progress <= 100
    assert 0 <= found.parse_began_unix <= MAX_NUMBER
