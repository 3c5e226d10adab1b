"""The default analytics listener: one event a line, whoever writes, whatever the disk does."""

from __future__ import annotations

import fcntl
import json
import logging
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from parsekit.config import Config, Section
from parsekit.host.session import Session
from parsekit.model import JsonObject
from parsekit.records import writer
from parsekit.records.analytics_file import AnalyticsFile
from parsekit.records.day_log import day_files
from parsekit.records.reader import Unread, read_records
from parsekit.records.writer import LOCK_S, RotatedLog, files_of, rotated
from parsekit.testing import SinkConformance
from parsekit.testing.sinks import FAILURE, Delivered, HostedSink, outcome_of


def contents(files: list[Path]) -> list[JsonObject]:
    return list(read_records(files, json.loads, Unread(), other=""))


def read_events(data_dir: Path) -> list[JsonObject]:
    folder = data_dir / "analytics"
    return contents(day_files(folder) if folder.exists() else [])


@pytest.fixture
def listener(tmp_path: Path) -> HostedSink:
    listener = HostedSink(AnalyticsFile(), {}, tmp_path)
    listener.open()
    return listener


class TestAnalyticsFile(SinkConformance):
    @pytest.fixture
    def sink(self) -> AnalyticsFile:
        return AnalyticsFile()

    @pytest.fixture
    def delivered(self, tmp_path: Path) -> Delivered:
        return lambda: read_events(tmp_path / "data")


def events(listener: HostedSink) -> list[JsonObject]:
    return read_events(listener.session.data_dir)


def test_a_line_is_the_contract_message_and_what_a_reader_needs(
    listener: HostedSink, shared: Path
) -> None:
    listener.task(outcome_of("good"), None)
    listener.task(outcome_of("bad", failure=FAILURE), None)
    good, bad = events(listener)
    assert (good["eventId"], good["error"]) == ("event-good", None)
    assert (bad["eventId"], bad["error"]) == ("event-bad", "invalid_replay")
    assert good["at"].endswith("Z")
    schema = json.loads((shared / "contract" / "analytics.schema.json").read_text())
    for event in (good, bad):
        Draft202012Validator(schema).validate(event)


class Transport(Section):
    url: str | None = None


def test_it_is_kept_also_where_rabbitmq_gets_the_analytics(tmp_path: Path) -> None:
    listener = HostedSink(AnalyticsFile(), {}, tmp_path)
    config = Config()
    config.sections["transport"] = Transport(url="amqp://rabbitmq")
    listener.session = Session(config=config, role="worker", data_dir=tmp_path / "data")
    listener.open()
    listener.task(outcome_of("t"), None)
    assert [event["eventId"] for event in events(listener)] == ["event-t"]


def test_nothing_is_made_before_the_first_event(listener: HostedSink) -> None:
    assert list(listener.session.data_dir.iterdir()) == []
    assert events(listener) == []


def numbered(number: int) -> bytes:
    return json.dumps({"number": number, "filler": "x" * 80}).encode() + b"\n"


def numbers(folder: Path, keep: int = 5) -> list[int]:
    files = files_of(folder / "analytics.jsonl", keep)
    return [event["number"] for event in contents(files) if "number" in event]


def write_some(path: Path, start: int, rotate_bytes: int, keep: int) -> None:
    """In a process of its own, that waits for the others as long as a busy machine takes."""
    writer.LOCK_S = 30.0
    log = RotatedLog(path, rotate_bytes, keep)
    for number in range(start, start + 200):
        log.append(numbered(number))


def in_processes(work: Callable[..., None], arguments: list[tuple[object, ...]]) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=given) for given in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0


def test_many_processes_lose_and_mix_nothing_while_files_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "analytics.jsonl"
    in_processes(write_some, [(path, n * 1000, 5_000, 100) for n in range(4)])
    found = numbers(tmp_path, keep=100)
    assert sorted(found) == [n * 1000 + i for n in range(4) for i in range(200)]
    for first in range(0, 4000, 1000):
        mine = [number for number in found if first <= number < first + 1000]
        assert mine == sorted(mine)
    assert all(file.stat().st_size <= 5_000 for file in tmp_path.iterdir())


def test_no_file_grows_while_somebody_is_about_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine stops a process between its look at the size and its line."""
    path, writes = tmp_path / "analytics.jsonl", writer.append_whole
    stopped, go_on = threading.Event(), threading.Event()

    def write(descriptor: int, line: bytes) -> None:
        if line == numbered(0):
            stopped.set()
            assert go_on.wait(60)
        writes(descriptor, line)

    monkeypatch.setattr(writer, "append_whole", write)
    monkeypatch.setattr(writer, "LOCK_S", 30.0)
    logs = [RotatedLog(path, 5_000, 100) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(logs[0].append, numbered(0))
        assert stopped.wait(60)
        rest = pool.submit(lambda: [logs[1].append(numbered(n)) for n in range(1, 400)])
        wait([rest], 1)
        go_on.set()
        slow.result(60), rest.result(60)
    assert sorted(numbers(tmp_path, keep=100)) == list(range(400))
    assert all(file.stat().st_size <= 5_000 for file in tmp_path.iterdir())


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "analytics.jsonl", 2_000, 100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(numbered(number)), range(300)))
    assert sorted(numbers(tmp_path, keep=100)) == list(range(300))


def test_only_so_many_files_are_kept_the_newest(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "analytics.jsonl", 1_000, 2)
    for number in range(100):
        log.append(numbered(number))
    assert len(list(tmp_path.iterdir())) == 3
    found = numbers(tmp_path, keep=2)
    assert found == list(range(found[0], 100))


def test_a_file_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "analytics.jsonl"
    log = RotatedLog(path, 1 << 20, 5)
    log.append(numbered(1))
    path.unlink()
    log.append(numbered(2))
    assert numbers(tmp_path) == [2]


def test_a_disk_that_refuses_is_logged_once_and_forgiven(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("in the way")
    log = RotatedLog(blocked / "analytics.jsonl", 1 << 20, 5, what="analytics")
    for number in range(5):
        log.append(numbered(number))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    blocked.unlink()
    log.append(numbered(7))
    assert numbers(blocked) == [7]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = RotatedLog(tmp_path / "analytics.jsonl", 1 << 20, 5, what="analytics")
    log.append(numbered(1))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(numbered(1)) + 20, limits[1]))
    try:
        log.append(numbered(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "analytics are lost" in caplog.text
    log.append(numbered(3))
    assert numbers(tmp_path) == [1, 3]
    assert (tmp_path / "analytics.jsonl").read_bytes().count(b"\n") == 2


def test_a_process_stopped_with_the_lock_in_hand_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "analytics.jsonl"
    log = RotatedLog(path, 1 << 20, 5)
    log.append(numbered(1))
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        began = time.monotonic()
        log.append(numbered(2))
        assert time.monotonic() - began < LOCK_S + 2
    assert numbers(tmp_path) == [1, 2]


def test_readers_pass_over_damage(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "analytics.jsonl", 1 << 20, 5, what="analytics")
    log.append(numbered(1))
    with (tmp_path / "analytics.jsonl").open("ab") as file:
        file.write(b'{"cut\n\xff\xfe\n[1]\n\n')
    log.append(numbered(2))
    os.replace(tmp_path / "analytics.jsonl", rotated(tmp_path / "analytics.jsonl", 3))  # noqa: PTH105
    log.append(numbered(3))
    assert numbers(tmp_path) == [1, 2, 3]
