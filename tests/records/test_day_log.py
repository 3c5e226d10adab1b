"""Lines are kept by days, as many and as long as the settings say, and none goes without a word."""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import pytest

from parsekit.clock import Clock
from parsekit.config import RecordSettings
from parsekit.records.day_log import DayLog, day_files

DAY_S = 86_400.0
LINE = b'{"n":"%03d"}\n'


class Days:
    """A log whose clock is turned by hand; begins on 1 January 1970, an hour before midnight."""

    def __init__(self, data_dir: Path, keep_days: int = 400, keep_bytes: int = 1 << 30) -> None:
        self.folder = data_dir / "analytics"
        self.now = DAY_S - 3600
        settings = RecordSettings(keep_days=keep_days)
        settings = settings.model_copy(update={"keep_bytes": keep_bytes})
        clock = Clock(now=lambda: self.now)
        self.log = DayLog(data_dir, "analytics", settings, opening=b"{", clock=clock)

    def write(self, *numbers: int) -> None:
        for number in numbers:
            self.log.append(LINE % number)

    def kept(self) -> dict[str, list[int]]:
        return {
            file.stem: [int(line[6:9]) for line in file.read_text().splitlines()]
            for file in day_files(self.folder)
        }


def test_each_day_has_a_file(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.write(1, 2)
    days.now += 3600
    days.write(3)
    assert days.kept() == {"1970-01-01": [1, 2], "1970-01-02": [3]}
    assert (tmp_path / "analytics").stat().st_mode & 0o777 == 0o700


def test_only_days_with_lines_since_then_are_read(tmp_path: Path) -> None:
    days = Days(tmp_path)
    for number in range(5):
        days.write(number)
        days.now += DAY_S
    (days.folder / "notes.jsonl").touch()
    since = [path.name for path in day_files(days.folder, 3 * DAY_S)]
    assert since == ["1970-01-04.jsonl", "1970-01-05.jsonl"]
    assert len(day_files(days.folder)) == 5


def test_days_that_are_over_are_removed_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    days = Days(tmp_path, keep_days=2)
    for number in range(4):
        days.write(number)
        days.now += DAY_S
    assert days.kept() == {"1970-01-03": [2], "1970-01-04": [3]}
    assert [record.getMessage() for record in caplog.records] == [
        f"removed the analytics of 1970-01-0{day}: days are kept for records.keep_days (2)"
        for day in (1, 2)
    ]


def test_the_oldest_days_go_when_all_take_too_much_and_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = Days(tmp_path, keep_bytes=10 * len(LINE % 0))
    for number in range(4):
        days.write(*range(number * 4, number * 4 + 4))
        days.now += DAY_S
    days.write(99)
    assert days.kept() == {
        "1970-01-03": [8, 9, 10, 11],
        "1970-01-04": [12, 13, 14, 15],
        "1970-01-05": [99],
    }
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "1970-01-02: all days take more than records.keep_bytes" in caplog.messages[-1]


def test_a_day_that_takes_all_loses_lines_aloud_and_the_next_day_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parsekit.records.day_log.SWEEP_S", -1.0)  # look each time
    days = Days(tmp_path, keep_bytes=3 * len(LINE % 0))
    days.write(1, 2, 3, 4, 5)
    assert days.kept() == {"1970-01-01": [1, 2, 3]}
    assert (days.log.lost, days.log.losses("analytics").value) == (2, 2)
    (told,) = caplog.messages
    assert "analytics are lost" in told
    assert "records.keep_bytes" in told
    days.now += DAY_S
    days.write(6)
    assert days.kept() == {"1970-01-01": [1, 2, 3], "1970-01-02": [6]}


def test_a_folder_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.write(1)
    days.folder.rename(tmp_path / "moved")
    (tmp_path / "moved" / "1970-01-01.jsonl").unlink()
    days.write(2)
    assert days.kept() == {"1970-01-01": [2]}


def write_some(data_dir: Path, start: int) -> None:
    days = Days(data_dir)
    days.write(*range(start, start + 100))
    days.now += 3600
    days.write(*range(start + 100, start + 200))


def test_many_processes_lose_and_mix_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_some, args=(tmp_path, n * 200)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    kept = Days(tmp_path).kept()
    assert list(kept) == ["1970-01-01", "1970-01-02"]
    assert sorted(number for day in kept.values() for number in day) == list(range(800))
    for day in kept.values():
        for n in range(4):
            mine = [number for number in day if n * 200 <= number < n * 200 + 200]
            assert mine == sorted(mine)
