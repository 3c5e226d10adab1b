"""What the audit knows of a task, told through the real host to listeners and to the file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parsekit import hookimpl
from parsekit.config import AuditSettings, Config
from parsekit.config.config import HOST_SECTIONS
from parsekit.errors import InvalidReplay, ParsekitError, RemoteUnavailable
from parsekit.events import Acts, AuditEvent
from parsekit.host.session import Session
from parsekit.model import Job, NotReady, Outcome, Parsed
from parsekit.pipeline.pipeline import Waiting
from parsekit.records.audit_file import AuditFile
from parsekit.records.audit_trail import Operations, on_record
from parsekit.testing.replays.file import believable_match, write_replay

from .conftest import Bench

RESULT = "parsed/script/1.0/"


@pytest.fixture
def records(bench: Bench) -> list[dict[str, Any]]:
    """What was told, in order."""
    told: list[dict[str, Any]] = []

    class Auditor:
        @hookimpl
        def parsekit_audit(self, event: AuditEvent) -> None:
            told.append(event.to_json())

    bench.host.register(Auditor(), "auditor")
    return told


def test_a_record_names_the_parser_that_ran_whatever_callers_take_it_for(
    bench: Bench, records: list[dict[str, Any]]
) -> None:
    pipeline = bench.pipeline(settings={"answer_as": "ballchasing"})
    outcome = pipeline.run(bench.request())
    assert isinstance(outcome, Outcome)
    assert outcome.to_result()["parser"] == "ballchasing"
    assert (outcome.parser, records[-1]["parser"]) == ("script", "script")


def test_a_task_is_one_record_of_who_asked_what_was_touched_and_told(
    bench: Bench, records: list[dict[str, Any]]
) -> None:
    request = bench.request(caller="gen7@web1", progress_queue="updates")
    assert isinstance(bench.pipeline().run(request), Outcome)
    (record,) = records
    assert (record["caller"], record["taskId"], record["replay"]) == (
        "gen7@web1",
        "task-1",
        "replays/a.replay",
    )
    assert record["lookedAt"] == record["read"] == ["replays/a.replay"]
    assert [key.startswith(RESULT) for key in record["written"]] == [True]
    assert record["sent"] == ["parser script", "progress queue updates", "analytics"]
    assert (record["result"], record["parser"], record["parserVersion"]) == ("ok", "script", "1.0")
    assert len(record["hash"]) == 64
    assert record["at"].startswith("1970-01-12T")


def test_a_cached_result_is_read_and_the_replay_is_not(
    bench: Bench, records: list[dict[str, Any]]
) -> None:
    pipeline = bench.pipeline()
    pipeline.run(bench.request())
    pipeline.run(bench.request(task="task-2"))
    cached = records[-1]
    assert (cached["cached"], cached["written"], cached["lookedAt"]) == (
        True,
        [],
        ["replays/a.replay"],
    )
    assert [key.startswith(RESULT) for key in cached["read"]] == [True]


def test_a_task_that_waits_tells_each_thing_once(
    bench: Bench, records: list[dict[str, Any]]
) -> None:
    def upload(job: Job) -> NotReady:
        job.checkpoint({"id": 1})
        assert records[-1]["sent"] == ["parser script"], "an upload is told at once"
        return NotReady(ticket={"id": 1}, after_s=1)

    bench.script.steps = [upload, NotReady(ticket={"id": 1}, after_s=1), Parsed(data={})]
    pipeline = bench.pipeline()
    answer = pipeline.run(bench.request())
    while isinstance(answer, Waiting):
        answer = pipeline.run(bench.request(), answer.state)
    assert [record["result"] for record in records][-1] == "ok"
    assert {record["result"] for record in records[:-1]} <= {"running", "waiting"}
    sent = [what for record in records for what in record["sent"]]
    assert sent == ["parser script", "analytics"]
    tickets = [key for record in records for key in record["removed"]]
    assert [key.startswith("parsed/tickets/") for key in tickets] == [True]


@pytest.mark.parametrize("error", [InvalidReplay("it is none"), RemoteUnavailable("away")])
def test_a_failure_is_told_with_its_code_and_words(
    bench: Bench, records: list[dict[str, Any]], error: ParsekitError
) -> None:
    bench.script.steps = [error] * 10
    pipeline = bench.pipeline()
    answer = pipeline.run(bench.request())
    while isinstance(answer, Waiting):
        answer = pipeline.run(bench.request(), answer.state)
    assert (records[-1]["result"], records[-1]["error"]) == (error.code, error.message)


def test_a_request_that_can_not_be_read_is_told_as_well(
    bench: Bench, records: list[dict[str, Any]]
) -> None:
    bench.pipeline().run(bench.request(key="../etc/passwd"))
    (record,) = records
    assert (record["result"], record["read"]) == ("bad_request", [])


def test_a_url_is_told_without_its_secrets(bench: Bench, records: list[dict[str, Any]]) -> None:
    url = "http://ann:Pa55word-x@127.0.0.1:9/a.replay?token=abc123"
    waits = bench.pipeline(must_store=False).run(bench.request(key=url, place="local"))
    assert isinstance(waits, Waiting)
    told = json.dumps(records) + waits.reason
    assert "can't be read" in told
    assert "Pa55word" not in told
    assert "abc123" not in told


def test_a_local_file_is_told_as_read(
    bench: Bench, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = write_replay(tmp_path / "b.replay", believable_match(seed=9, team_size=1), frames=0)
    bench.pipeline().run(bench.request(key=str(path), place="local"))
    assert records[-1]["read"] == [str(path)]


class TestOperation:
    """What a command does that is no task's run."""

    @pytest.fixture
    def operations(
        self, bench: Bench, records: list[dict[str, Any]], tmp_path: Path
    ) -> Iterator[Operations]:
        sections = {name: model() for name, model in HOST_SECTIONS.items()}
        session = Session(config=Config(sections=sections), role="cli", data_dir=tmp_path)
        with on_record(bench.host, session, "tidy") as operations:
            yield operations

    def test_it_is_told_as_tasks_are_once_it_is_over(
        self, records: list[dict[str, Any]], operations: Operations
    ) -> None:
        with operations.doing(task_id="task-1", replay="a.replay") as operation:
            operation.trail.record("removed", "b.json")
            assert records == []
        (record,) = records
        assert record["caller"].startswith("cli tidy ")
        assert (record["taskId"], record["replay"]) == ("task-1", "a.replay")
        assert (record["removed"], record["result"], record["error"]) == (["b.json"], "ok", None)

    @pytest.mark.parametrize(
        ("error", "result", "text"),
        [
            (RemoteUnavailable("away"), "remote_unavailable", "away"),
            (ParsekitError("of no kind"), "failed", "of no kind"),
            (OSError("at redis://ann:Pa55word-x@cache"), "failed", "at redis://***@cache"),
            (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
        ],
    )
    def test_one_that_fails_is_told_with_what_it_did_and_fails_all_the_same(
        self,
        records: list[dict[str, Any]],
        operations: Operations,
        error: BaseException,
        result: str,
        text: str,
    ) -> None:
        def write() -> None:
            with operations.doing() as operation:
                operation.trail.record("written", "a.json")
                raise error

        with pytest.raises(type(error)):
            write()
        (record,) = records
        assert (record["written"], record["result"], record["error"]) == (["a.json"], result, text)


class TestFile:
    @pytest.fixture
    def session(self, tmp_path: Path) -> Session:
        sections = {name: model() for name, model in HOST_SECTIONS.items()}
        sections["audit"] = AuditSettings(
            path=tmp_path / "log" / "audit.jsonl", keep=2, file_bytes=4096
        )
        return Session(config=Config(sections=sections), role="worker", data_dir=tmp_path)

    def test_it_has_the_record_before_the_task_is_answered(
        self, bench: Bench, session: Session, tmp_path: Path
    ) -> None:
        pipeline = bench.pipeline()
        pipeline.listeners.open(session)
        pipeline.run(bench.request(caller='x\n{"forged":1}\r\u2028\x7f'))
        (line,) = (tmp_path / "log" / "audit.jsonl").read_bytes().split(b"\n")[:-1]
        assert line.isascii()
        assert json.loads(line)["caller"] == 'x\n{"forged":1}\r\u2028\x7f'
        assert b"\x7f" not in line

    def test_a_tilde_means_the_home_folder(
        self, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        session.config.sections["audit"] = AuditSettings(path=Path("~/kept.jsonl"))
        sink = AuditFile()
        sink.parsekit_open(session)
        sink.parsekit_audit(event("1"))
        assert (tmp_path / "kept.jsonl").exists()

    def test_a_file_that_can_not_be_written_is_said_once_counted_and_fails_nothing(
        self, session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "log" / "audit.jsonl").mkdir(parents=True)
        sink = AuditFile()
        sink.parsekit_open(session)
        with caplog.at_level(logging.WARNING):
            for number in range(3):
                sink.parsekit_audit(event(str(number)))
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "audit records are lost" in caplog.text
        (lost,) = sink.parsekit_metrics()
        assert (lost.name, lost.value) == ("parsekit_audit_lost_total", 3)

    def test_a_sink_that_raises_fails_no_parse(self, bench: Bench) -> None:
        class Broken:
            @hookimpl
            def parsekit_audit(self, event: AuditEvent) -> None:
                raise OSError("no audit today")

        bench.host.register(Broken(), "broken")
        answer = bench.pipeline().run(bench.request())
        assert isinstance(answer, Outcome)
        assert answer.ok

    def test_files_are_set_aside_when_they_are_large_and_no_more_than_keep_stay(
        self, session: Session, tmp_path: Path
    ) -> None:
        sink = AuditFile()
        sink.parsekit_open(session)
        for number in range(100):
            sink.parsekit_audit(event(str(number)))
        names = sorted(path.name for path in (tmp_path / "log").iterdir())
        assert names == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
        newest = (tmp_path / "log" / "audit.jsonl").read_text().splitlines()[-1]
        assert json.loads(newest)["taskId"] == "99"


def event(task_id: str) -> AuditEvent:
    return AuditEvent(at_unix=0, caller="c", task_id=task_id, replay="r", acts=Acts(), result="ok")


def test_a_local_file_is_told_as_read_also_where_its_result_was_stored(
    bench: Bench, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = write_replay(tmp_path / "mine.replay", believable_match())
    pipeline = bench.pipeline()
    for task in ("task-1", "task-2"):
        pipeline.run(bench.request(task=task, key=str(path), place="local"))
    cached = records[-1]
    assert cached["cached"]
    assert cached["read"][0] == str(path)
