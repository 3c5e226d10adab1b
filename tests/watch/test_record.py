"""The record of what was done: it outlives a kill at any byte, and is ours alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parsekit.errors import BadRequest, StorageUnavailable
from parsekit.watch.record import MAX_BREAK_S, DoneReplay, FileState, WatchRecord

STATE = FileState(size_bytes=5, mtime_ns=1_796_053_113_053_665_945)


def done(number: int, played_unix: float = 0.0, session: str = "") -> DoneReplay:
    return DoneReplay(
        path=f"/demos/{number}.replay",
        sha256=f"{number:064x}",
        state=STATE,
        played_unix=played_unix,
        session=session,
    )


def opened(tmp_path: Path) -> WatchRecord:
    return WatchRecord.open(tmp_path, ["demos"])


def file_of(tmp_path: Path) -> Path:
    [file] = (tmp_path / "watch").iterdir()
    return file


def test_what_was_done_is_known_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.add(done(1))
    with opened(tmp_path) as record:
        assert record.has(f"{1:064x}")
        assert record.has_file("/demos/1.replay", STATE)
        assert not record.has_file("/demos/1.replay", FileState(size_bytes=6, mtime_ns=0))
        assert not record.has(f"{2:064x}")


def test_a_line_that_was_cut_off_costs_that_line_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.add(done(1))
        record.add(done(2))
    file = file_of(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    with opened(tmp_path) as record:
        assert record.has(f"{1:064x}")
        assert not record.has(f"{2:064x}")
        record.add(done(3))
    with opened(tmp_path) as record:
        assert record.has(f"{3:064x}")


@pytest.mark.parametrize(
    "line", ["[]", "7", "null", '{"page": []}', '{"sha256": 1}', "{" * 9000, '{"replay": "\ud800"}']
)
def test_lines_that_are_none_of_ours_are_passed_over(tmp_path: Path, line: str) -> None:
    with opened(tmp_path) as record:
        record.add(done(1))
    with file_of(tmp_path).open("ab") as file:
        file.write(line.encode(errors="surrogatepass") + b"\n")
    with opened(tmp_path) as record:
        assert record.has(f"{1:064x}")


def test_a_match_joins_the_session_of_the_nearest_one(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        first = record.session_of(1_000_000.0)
        assert first == "session-1970-01-12-1346"
        record.add(done(1, 1_000_000.0, first))
        assert record.session_of(1_000_000.0 + MAX_BREAK_S) == first
        assert record.session_of(1_000_000.0 - MAX_BREAK_S) == first
        assert record.session_of(1_000_001.0 + MAX_BREAK_S) != first


def test_a_session_has_no_page_until_one_was_written_after_its_last_match(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.add(done(1, session="s"))
        record.add_page("s")
        assert record.sessions_without_page() == ()
        record.add(done(2, session="s"))
        record.add(done(3, session=""))
    with opened(tmp_path) as record:
        assert record.sessions_without_page() == ("s",)
        assert [each.path for each in record.matches_of("s")] == [
            "/demos/1.replay",
            "/demos/2.replay",
        ]


def test_two_watches_of_the_same_are_refused_and_others_are_not(tmp_path: Path) -> None:
    with opened(tmp_path):
        with pytest.raises(BadRequest, match="another parsekit watch"):
            opened(tmp_path)
        WatchRecord.open(tmp_path, ["others"]).__exit__(None, None, None)


def test_a_link_in_place_of_the_record_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data/watch").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable, match="a symbolic link stands there"):
        WatchRecord.open(tmp_path / "data", ["demos"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_record_is_ours_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.add(done(1))
    file = file_of(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_bytes())["replay"] == "/demos/1.replay"
