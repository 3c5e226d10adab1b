"""What stands where a result or a ticket of ours belongs, but has not its form.

Without a key anybody who can write to the storage can put it there, and it must end no task.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from parsekit.model import NotReady, Outcome, Parsed
from parsekit.pipeline.pipeline import Waiting
from parsekit.pipeline.state import RunState
from parsekit.storage.signing import Signer

KEY = Signer((b"k" * 32,))
#: Deeper than any interpreter reads.
DEEP = "[" * 100_000
NO_NUMBERS = (
    "null",
    "true",
    '"3"',
    "[]",
    "-1",
    "1e300",
    "9" * 300,
    "9" * 5000,
    "1e999",
    "NaN",
    DEEP,
)
NO_TEXTS = ("null", "1", "[]", "{}", DEEP)
NO_LISTS = ("null", "1", "{}", '"text"', "[null]", "[1]", "[[]]", DEEP)
NO_DOCUMENTS = ("", "null", "1", "[]", "{}", '"text"', "{", DEEP, '{"a":' * 100_000)

RESULTS = [
    *[(("hash",), raw) for raw in NO_TEXTS],
    *[(("parser",), raw) for raw in NO_TEXTS],
    *[(("warnings",), raw) for raw in NO_LISTS],
    *[(("tried",), raw) for raw in NO_LISTS],
    *[(("tried",), f'[{{"parser":"a","error":{raw}}}]') for raw in NO_TEXTS],
    *[(("provenance",), raw) for raw in NO_DOCUMENTS if raw],
    *[(("provenance", "taskId"), raw) for raw in NO_TEXTS],
    *[(("provenance", "dataSha256"), raw) for raw in NO_TEXTS],
    *[(("provenance", "replayBytes"), raw) for raw in NO_NUMBERS],
    *[(("provenance", "storedUnix"), raw) for raw in NO_NUMBERS],
    *[(("data",), raw) for raw in ("null", "1", "[]", "{", DEEP, '{"a":NaN}')],
]
TICKETS = [
    *[(("ticket",), raw) for raw in ("null", "1", "[]", '"text"', "[[]]", DEEP)],
    *[(("sha256",), raw) for raw in (*NO_TEXTS, '"../../a"', f'"{"a" * 200}"')],
    *[(("sizeBytes",), raw) for raw in (*NO_NUMBERS, "1.5")],
    *[(("progress",), raw) for raw in (*NO_NUMBERS, "101")],
    *[(("parseBeganUnix",), raw) for raw in NO_NUMBERS],
]


def told(value: Any) -> str:
    """Name a case shortly: some are longer than pytest likes."""
    return ".".join(value) if isinstance(value, tuple) else str(value)[:20]


def edited(document: bytes, path: tuple[str, ...], raw: str) -> bytes:
    """The document in the form in which it is stored, but with this text for one value."""
    members = place = json.loads(document)
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = "the value"
    return json.dumps(members, separators=(",", ":")).replace('"the value"', raw).encode()


def done(answer: Outcome | Waiting) -> Outcome:
    assert isinstance(answer, Outcome), answer
    assert answer.ok, answer.failure
    return answer


def is_parsed_anew(bench, signer: Signer | None = None) -> bool:
    """Parse again, and say whether that took the place of what was stored."""
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    answer = done(bench.pipeline(signer=signer).run(bench.request(task="task-2")))
    stored = json.loads(bench.store.read(answer.output_path))
    return not answer.cached and answer.data == stored["data"] == {"answer": "anew"}


@pytest.mark.parametrize(("path", "raw"), RESULTS, ids=told)
def test_a_result_with_a_value_of_another_kind_is_parsed_again_and_replaced(bench, path, raw):
    first = done(bench.pipeline().run(bench.request()))
    body = edited(bench.store.read(first.output_path), path, raw)
    bench.store.write(first.output_path, body)
    assert is_parsed_anew(bench)


@pytest.mark.parametrize("signer", [KEY, None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("raw", [*NO_DOCUMENTS, "\udcff"], ids=told)
def test_what_is_no_result_at_all_is_parsed_again_and_replaced(bench, signer, raw):
    first = done(bench.pipeline(signer=signer).run(bench.request()))
    bench.store.write(first.output_path, raw.encode(errors="surrogateescape"))
    assert is_parsed_anew(bench, signer)


def test_a_result_that_is_only_written_anew_is_served(bench):
    """The tests above would be worth nothing if `edited` spoilt more than one value."""
    first = done(bench.pipeline().run(bench.request()))
    body = edited(bench.store.read(first.output_path), ("hash",), f'"{first.hash}"')
    bench.store.write(first.output_path, body)
    assert not is_parsed_anew(bench)


def test_a_result_of_ours_is_served_whatever_its_warnings_name(bench):
    """A file's name need not be UTF-8, and half a pair of surrogates stands for it then."""
    bench.script.steps = [Parsed(data={"answer": 42}, warnings=("no file \udcff",))]
    first = done(bench.pipeline().run(bench.request()))
    assert first.warnings == ("no file \udcff",)
    again = done(bench.pipeline().run(bench.request(task="task-2")))
    assert (again.cached, again.warnings) == (True, first.warnings)


@pytest.mark.parametrize("raw", ["null", "-1", "1e999", "9" * 5000, DEEP], ids=told)
@pytest.mark.parametrize("path", [("hash",), ("provenance", "storedUnix"), ("data",)], ids=told)
def test_a_result_of_another_form_in_a_task_s_message_is_parsed_again(bench, path, raw):
    bench.store.away = {"write"}
    waiting = bench.pipeline().run(bench.request())
    assert isinstance(waiting, Waiting)
    bench.store.away = set()
    state = RunState.from_json(waiting.state)
    forged = state.replace(parsed=edited(state.parsed, path, raw)).to_json()
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    assert done(bench.pipeline().run(bench.request(), forged)).data == {"answer": "anew"}


def leave_ticket(bench, signer: Signer | None = None) -> Path:
    """What a task leaves that was killed while the remote parser was at work."""
    bench.script.steps = [NotReady(ticket={"id": "ours"}, after_s=1)]
    assert isinstance(bench.pipeline(signer=signer).run(bench.request()), Waiting)
    bench.locks.acquire = lambda key, owner: type(bench.locks)().acquire(key, owner=owner)
    (ticket,) = Path(bench.folder, "store").rglob("tickets/**/*.json")
    return ticket


def calls_of_the_next_task(bench, signer: Signer | None = None) -> list[str]:
    """It has to wait once, so that what it took over goes through a message."""
    bench.script.calls.clear()
    bench.script.steps = [NotReady(ticket={"id": "next"}, after_s=1)]
    pipeline, request = bench.pipeline(signer=signer), bench.request(task="task-2")
    waiting = pipeline.run(request)
    assert isinstance(waiting, Waiting), waiting
    done(pipeline.run(request, json.loads(json.dumps(waiting.state))))
    return [how for how, _ in bench.script.calls]


@pytest.mark.parametrize(("path", "raw"), TICKETS, ids=told)
def test_a_ticket_with_a_value_of_another_kind_is_not_followed(bench, path, raw):
    ticket = leave_ticket(bench)
    ticket.write_bytes(edited(ticket.read_bytes(), path, raw))
    assert calls_of_the_next_task(bench) == ["parse", "resume"]
    assert not ticket.exists()


@pytest.mark.parametrize("signer", [KEY, None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("raw", [*NO_DOCUMENTS, "\udcff"], ids=told)
def test_what_is_no_ticket_at_all_is_not_followed(bench, signer, raw):
    ticket = leave_ticket(bench, signer)
    ticket.write_bytes(raw.encode(errors="surrogateescape"))
    assert calls_of_the_next_task(bench, signer) == ["parse", "resume"]


def test_a_ticket_that_is_only_written_anew_is_followed(bench):
    ticket = leave_ticket(bench)
    ticket.write_bytes(edited(ticket.read_bytes(), ("ticket",), '{"id":"ours"}'))
    assert calls_of_the_next_task(bench) == ["resume", "resume"]


@pytest.mark.parametrize("path", [("parser",), ("provenance", "storedUnix")], ids=told)
def test_a_large_value_does_not_fill_the_log(bench, path, caplog: pytest.LogCaptureFixture):
    first = done(bench.pipeline().run(bench.request()))
    body = edited(bench.store.read(first.output_path), path, f'"{"x" * 1_000_000}"')
    bench.store.write(first.output_path, body)
    with caplog.at_level(logging.WARNING, "parsekit"):
        assert is_parsed_anew(bench)
    assert "is not served" in caplog.text
    assert len(caplog.text) < 2000
