"""The file with which a back-fill goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from parsekit.client.manifest import Entry, Manifest
from parsekit.errors import ConfigInvalid, StorageUnavailable

ENDED = {"error": None}


def entry(name: str) -> Entry:
    return Entry(replay=f"{name}.replay", key=f"replays/{name}.replay", task_id=f"task-{name}")


def test_what_was_begun_and_what_has_ended_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "fill.jsonl"
    first = Manifest(path)
    for name in ("a", "b"):
        first.begin(entry(name))
    first.end(entry("a"), ENDED)
    again = Manifest(path)
    assert again.find("b.replay") == entry("b")
    assert [again.ended(f"{name}.replay") for name in ("a", "b", "c")] == [True, False, False]


def test_it_is_known_what_was_sent_and_when(tmp_path: Path) -> None:
    path = tmp_path / "fill.jsonl"
    first = Manifest(path)
    for name in ("a", "b"):
        first.begin(entry(name))
    began = time.time()
    first.sent(entry("a"))
    found = [Manifest(path).find(f"{name}.replay") for name in ("a", "b")]
    assert [each and each.sent_unix > 0 for each in found] == [True, False]
    assert found[0] is not None
    assert abs(found[0].sent_unix - began) < 60
    first.end(entry("a"), ENDED)
    assert Manifest(path).ended("a.replay")


@pytest.mark.parametrize("left", [1, 10, 70])
def test_a_line_cut_short_is_as_if_it_had_not_been_written(tmp_path: Path, left: int) -> None:
    path = tmp_path / "fill.jsonl"
    first = Manifest(path)
    first.begin(entry("a"))
    size = path.stat().st_size
    first.begin(entry("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[: size + left])
    again = Manifest(path)
    assert again.find("a.replay") == entry("a")
    assert again.find("b.replay") is None
    again.begin(entry("b"))
    assert path.read_bytes() == whole
    assert Manifest(path).find("b.replay") == entry("b")


@pytest.mark.parametrize("left", [1, 5, 30, 68])
def test_a_first_line_cut_short_is_as_if_it_had_not_been_written(tmp_path: Path, left: int) -> None:
    path = tmp_path / "fill.jsonl"
    Manifest(path).begin(entry("a"))
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    again = Manifest(path)
    assert again.find("a.replay") is None
    again.begin(entry("a"))
    assert path.read_bytes() == whole


OURS = json.dumps({"replay": "a", "key": "a", "task_id": "a"}).encode()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"buy milk\n", 1),
        (b"buy milk", 1),
        (b'{"parser": "local"}', 1),
        (b'{"replay": "a", "map": "b"}', 1),
        (b"\n", 1),
        (b"TAGAME\0\n\0\0", 1),
        (b'{"replay": 1, "key": "a", "task_id": "b"}\n', 1),
        (b'{"task_id": "b"}\n', 1),
        (b'{"task_id": "b", "sent": "today"}\n', 1),
        (b'{"task_id": "b", "sent": 1.0, "ended": "ok"}\n', 1),
        (b"[" * 100_000 + b"\n", 1),
        (OURS + b"\nbuy milk\nbuy br", 2),
    ],
    ids=[
        "text",
        "no newline",
        "json",
        "like ours",
        "empty line",
        "replay",
        "number",
        "nothing said",
        "no time",
        "two things said",
        "deep",
        "later",
    ],
)
def test_another_file_is_not_taken_for_one_and_keeps_its_bytes(
    tmp_path: Path, body: bytes, line: int
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(body)
    with pytest.raises(ConfigInvalid, match=f"line {line} is no line of a manifest"):
        Manifest(path)
    assert path.read_bytes() == body


def test_a_path_that_can_not_be_a_manifest_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=f"{tmp_path}: .*is a directory"):
        Manifest(tmp_path)
    with pytest.raises(ConfigInvalid, match=r"no/fill.jsonl: .*no such file or directory"):
        Manifest(tmp_path / "no/fill.jsonl")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigInvalid, match=r"pipe: .*something else than a file"):
        Manifest(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_manifest_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fill.jsonl"
    path.touch(mode=0)
    with pytest.raises(ConfigInvalid, match=r"fill.jsonl: .*permission denied"):
        Manifest(path)


def test_a_line_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    manifest = Manifest(folder / "fill.jsonl")
    shutil.rmtree(folder)
    with pytest.raises(StorageUnavailable, match=r"fill.jsonl: no such file or directory"):
        manifest.begin(entry("a"))
