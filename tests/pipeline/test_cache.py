"""A stored result is served for the same content, parser and version, and for nothing else."""

from __future__ import annotations

import hashlib
import json

import pytest

from parsekit.model import Outcome, Parsed
from parsekit.pipeline.pipeline import Pipeline, Waiting
from parsekit.storage.results import ResultName


def done(answer: Outcome | Waiting) -> Outcome:
    assert isinstance(answer, Outcome), answer
    return answer


def test_a_hit_costs_one_head_and_one_read(bench):
    pipeline = bench.pipeline()
    pipeline.run(bench.request())
    bench.store.counts = dict.fromkeys(bench.store.counts, 0)
    again = done(pipeline.run(bench.request(task="task-2")))
    assert (again.ok, again.cached, again.data) == (True, True, {"answer": 42})
    assert bench.store.counts == {"head": 1, "fetch": 0, "read": 1, "write": 0}
    assert len(bench.script.calls) == 1


def test_the_same_content_under_another_key_is_a_hit(bench):
    pipeline = bench.pipeline()
    first = done(pipeline.run(bench.request()))
    bench.put("replays/copy.replay")
    copy = done(pipeline.run(bench.request("replays/copy.replay", "task-2")))
    assert copy.cached
    assert copy.output_path == first.output_path


def test_other_content_under_the_same_key_is_never_served_the_old_result(bench):
    pipeline = bench.pipeline()
    first = done(pipeline.run(bench.request()))
    bench.put(seed=1)
    bench.script.steps = [Parsed(data={"answer": "new"})]
    second = done(pipeline.run(bench.request(task="task-2")))
    assert (second.cached, second.data) == (False, {"answer": "new"})
    assert second.output_path != first.output_path


def test_another_parser_or_version_is_a_miss(bench):
    pipeline = bench.pipeline()
    paths = {done(pipeline.run(bench.request())).output_path}
    other = done(pipeline.run(bench.request(task="task-2", parser="other")))
    assert not other.cached
    assert other.output_path not in paths


@pytest.mark.parametrize("from_config", [True, False])
def test_without_the_cache_it_parses_again_and_still_stores(bench, from_config):
    done(bench.pipeline().run(bench.request()))
    bench.script.steps = [Parsed(data={"answer": "again"})]
    settings = {"disableCache": from_config}
    pipeline = bench.pipeline(settings=settings)
    again = done(pipeline.run(bench.request(task="t2", disable_cache=not from_config)))
    assert (again.cached, again.data) == (False, {"answer": "again"})
    assert stored(bench, again)["data"] == {"answer": "again"}


def stored(bench, outcome: Outcome) -> dict:
    body = bench.store.read(outcome.output_path)
    return json.loads(body)


def tampered(bench, pipeline: Pipeline, change) -> Outcome:
    first = done(pipeline.run(bench.request()))
    body = bench.store.read(first.output_path)
    bench.store.write(first.output_path, change(body))
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    return done(pipeline.run(bench.request(task="task-2")))


def with_data(body: bytes, data: bytes) -> bytes:
    """Other data under the digest that fits them, as whoever can write to the bucket can do."""
    head, _, old = body.rpartition(b',"data":')
    digests = (hashlib.sha256(each).hexdigest().encode() for each in (old[:-1], data))
    return head.replace(*digests) + b',"data":' + data + b"}"


def test_without_a_key_other_data_with_a_digest_that_fits_are_served(bench):
    """Only in a storage that others share, where no key is named; see test_provenance.py."""
    again = tampered(bench, bench.pipeline(), lambda body: with_data(body, b'{"answer":43}'))
    assert (again.cached, again.data) == (True, {"answer": 43})


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-20],
        lambda _: b"",
        lambda _: b"[" * 100_000,
        lambda _: b"null",
        lambda body: body.replace(b'"answer":42', b'"answer":43'),
        lambda body: body.replace(b'"parser":"script"', b'"parser":"other"'),
        lambda body: body.replace(b'"data":', b'"dota":'),
        lambda body: with_data(body, b"{'no': json}"),
        lambda body: with_data(body, b'{"answer":NaN}'),
        lambda body: with_data(body, b"[1]"),
    ],
    ids=[
        *("truncated", "empty", "bomb", "null", "edited", "of another parser", "without data"),
        *("with data that are no JSON", "with a number that is none", "with data of another kind"),
    ],
)
def test_a_damaged_result_is_parsed_again_and_replaced(bench, change):
    pipeline = bench.pipeline()
    again = tampered(bench, pipeline, change)
    assert (again.ok, again.cached, again.data) == (True, False, {"answer": "anew"})
    assert stored(bench, again)["data"] == {"answer": "anew"}
    assert done(pipeline.run(bench.request(task="task-3"))).cached


def test_a_stored_document_is_a_result_of_the_contract_by_itself(bench):
    document = stored(bench, outcome := done(bench.pipeline().run(bench.request())))
    assert document["outputPath"] == outcome.output_path
    assert {"parser", "parserVersion", "data", "hash"} <= document.keys()


def test_a_delivered_again_task_takes_its_own_result_and_does_not_call_it_cached(bench):
    pipeline = bench.pipeline(settings={"disableCache": True})
    done(pipeline.run(bench.request()))
    again = done(pipeline.run(bench.request()))
    assert not again.cached
    assert len(bench.script.calls) == 1


def test_a_parser_name_with_odd_characters_keeps_to_its_folder(bench):
    key = ResultName(fingerprint="f", parser="../../etc", version="1/2").key("parsed")
    assert ".." not in key.split("/")
    assert key.startswith("parsed/")
