"""Files of events are read whatever has become of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parsekit.records.reader import MAX_LINE_BYTES, NAMED, Unread, read_records
from parsekit.records.writer import RotatedLog, files_of


def read(*files: Path) -> tuple[list[object], Unread]:
    unread = Unread()
    return list(read_records(files, decoded, unread, other="another object")), unread


def decoded(line: bytes) -> object:
    found = json.loads(line)
    if not isinstance(found, dict) or "other" in found:
        raise ValueError("none of ours")
    return found


def test_a_line_that_a_killed_process_left_half_is_named(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"a": 1}\n\n{"a": 2}\n{"a"')
    found, unread = read(file)
    assert found == [{"a": 1}, {"a": 2}]
    assert (unread.count, unread.named) == (1, ["events.jsonl:4: cut short"])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"no json", "no JSON"),
        (b"[1]", "no JSON object"),
        (b'{"other": 1}', "another object"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"9" * 5000, "no JSON"),
        (b'{"x": "' + b"x" * MAX_LINE_BYTES * 3 + b'"}', "longer than 4 MiB"),
    ],
)
def test_foreign_lines_are_named_and_the_others_read(tmp_path: Path, line: bytes, why: str) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    found, unread = read(file)
    assert found == [{"a": 1}, {"a": 2}]
    assert unread.named == [f"events.jsonl:2: {why}"]


def test_many_bad_lines_are_counted_and_only_some_named(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"bad\n" * 1000)
    assert len(read(file)[1].named) == NAMED
    assert read(file)[1].count == 1000


def test_files_set_aside_are_read_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = RotatedLog(path, rotate_bytes=30, keep=5)
    for number in range(10):
        log.append(b'{"number": %d}\n' % number)
    assert read(*files_of(path, 5))[0] == [{"number": number} for number in range(10)]
