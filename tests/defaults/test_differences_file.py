"""The default listener keeps differences in a file, and parses never fail because of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from parsekit.config import Config
from parsekit.events import Answerer, DifferenceEvent
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.records.reader import MAX_LINE_BYTES
from parsekit.shadow.compare import Differing, FieldDifference
from parsekit.shadow.differences_file import FOLDER, DifferencesFile


def event(*fields: FieldDifference) -> DifferenceEvent:
    return DifferenceEvent(
        event_id="t.difference",
        task_id="t",
        replay="a.replay",
        hash="0" * 64,
        at_unix=0.5,
        primary=Answerer(parser="local", version="1"),
        shadow=Answerer(parser="other", version="2"),
        fields=fields,
    )


@pytest.fixture
def listener(tmp_path: Path) -> DifferencesFile:
    listener = DifferencesFile()
    session = Session(config=Config(), role="worker", data_dir=tmp_path / "data")
    listener.parsekit_open(session=session)
    return listener


def test_an_event_is_a_line(listener: DifferencesFile, tmp_path: Path) -> None:
    differing = Differing(where="blue 1", primary=1, shadow=2)
    told = event(FieldDifference(field="x", equal=3, differing=(differing,)))
    listener.parsekit_difference(event=told)
    listener.parsekit_difference(event=event())
    (file,) = (tmp_path / "data" / FOLDER).iterdir()
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first, second) == (told.to_json(), event().to_json())
    assert first["at"] == "1970-01-01T00:00:00.500Z"


def test_nothing_is_made_before_the_first_difference(
    listener: DifferencesFile, tmp_path: Path
) -> None:
    listener.parsekit_close()
    listener.parsekit_difference(event=event())
    assert not (tmp_path / "data").exists()


def test_what_no_reader_would_take_is_not_written(
    listener: DifferencesFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    differing = Differing(where="", primary="x" * MAX_LINE_BYTES, shadow=None)
    listener.parsekit_difference(
        event=event(FieldDifference(field="x", equal=0, differing=(differing,)))
    )
    assert not (tmp_path / "data").exists()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_disk_that_refuses_is_logged(
    listener: DifferencesFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("in the way")
    listener.parsekit_difference(event=event())
    assert "differences are lost" in caplog.text


def test_it_comes_with_the_host() -> None:
    (record,) = (
        r for r in Host.load({"PARSEKIT_PLUGINS": ""}).plugins if r.name == "differences-file"
    )
    assert (record.default, record.provides, record.error) == (
        True,
        ("difference", "metrics", "open"),
        None,
    )
