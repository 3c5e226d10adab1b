"""The file with which a back-fill goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit.errors import ConfigInvalid
from parsekit.worker.manifest import Entry, Manifest

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
    assert [again.ended(entry(name)) for name in ("a", "b")] == [True, False]


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


def test_another_file_is_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n")
    with pytest.raises(ConfigInvalid, match="line 1 is no line of a manifest"):
        Manifest(path)
    assert path.read_text() == "buy milk\n"
