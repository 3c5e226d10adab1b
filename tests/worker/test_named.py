"""What submit takes for files and folders, and what for keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit.batch.inputs import Input, NoMatch
from parsekit.client.targets import Key, expand


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_files_are_found_as_parse_finds_them() -> None:
    make("f/A.REPLAY", "f/x.replay/deep.replay", "f/notes.txt", "notes.txt")
    Path("f/gone.replay").symlink_to("nowhere")
    found = list(expand(["f", "notes.txt", "f/A.REPLAY"]))
    assert found == [
        Input("f/A.REPLAY"),
        Input("f/gone.replay"),
        Input("f/x.replay/deep.replay"),
        Input("notes.txt"),
    ]


@pytest.mark.parametrize(
    "key",
    ["replays/a.replay", "2v2 [final].replay", "f/*.replay", "s3://bucket/a.replay", "k" * 300, ""],
)
def test_what_is_no_path_here_is_a_key_as_it_stands(key: str) -> None:
    make("f/a.replay")
    assert list(expand([key])) == [Key(key)]


@pytest.mark.parametrize("path", ["/none.replay", "./none.replay", "../none.replay", "~/a.replay"])
def test_what_can_be_no_key_is_a_path_also_where_nothing_is(path: str) -> None:
    assert list(expand([path])) == [Input(path)]


def test_a_folder_without_replays_is_told() -> None:
    make("f/notes.txt")
    (found,) = expand(["f"])
    assert isinstance(found, NoMatch)
