"""Where the game keeps its replays, on each system that it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit.watch.game_folders import game_folders

TAGAME = "My Games/Rocket League/TAGame"
PREFIX = "steamapps/compatdata/252950/pfx/drive_c/users/steamuser"
NOWHERE = Path("/nowhere")


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "below",
    [
        f"Documents/{TAGAME}/Demos",
        f"Documents/{TAGAME}/DemosEpic",
        f"OneDrive/Documents/{TAGAME}/Demos",
        f"OneDrive/Dokumente/{TAGAME}/DemosEpic",
        f"OneDrive - School/Documents/{TAGAME}/Demos",
    ],
)
def test_in_a_windows_home_also_where_onedrive_has_moved_it(tmp_path: Path, below: str) -> None:
    ours = made(tmp_path / "home" / below)
    assert game_folders(tmp_path / "home", NOWHERE) == (ours,)
    theirs = made(tmp_path / "Users" / "ann" / below)
    assert game_folders(NOWHERE, tmp_path / "Users") == (theirs,)


@pytest.mark.parametrize(
    "steam",
    [
        ".local/share/Steam",
        ".steam/debian-installation",
        ".var/app/com.valvesoftware.Steam/.local/share/Steam",
        "snap/steam/common/.local/share/Steam",
    ],
)
def test_in_the_prefix_of_proton(tmp_path: Path, steam: str) -> None:
    folder = made(tmp_path / steam / PREFIX / "Documents" / TAGAME / "Demos")
    assert game_folders(tmp_path, NOWHERE) == (folder,)


def test_in_a_library_of_steam_on_another_disk(tmp_path: Path) -> None:
    steam, disk = tmp_path / "home/.local/share/Steam", tmp_path / "disk"
    made(steam / "steamapps")
    listed = f'"libraryfolders"\n{{\n "1"\n {{\n  "path"\t\t"{disk}"\n }}\n}}\n'
    (steam / "steamapps/libraryfolders.vdf").write_text(listed)
    folder = made(disk / PREFIX / "Documents" / TAGAME / "Demos")
    assert game_folders(tmp_path / "home", NOWHERE) == (folder,)


def test_in_the_library_of_macos(tmp_path: Path) -> None:
    folder = made(tmp_path / "Library/Application Support/Rocket League/TAGame/Demos")
    assert game_folders(tmp_path, NOWHERE) == (folder,)


def test_a_folder_that_several_links_lead_to_is_there_once(tmp_path: Path) -> None:
    folder = made(tmp_path / ".local/share/Steam" / PREFIX / "Documents" / TAGAME / "Demos")
    (tmp_path / ".steam").mkdir()
    (tmp_path / ".steam/steam").symlink_to(tmp_path / ".local/share/Steam")
    (tmp_path / ".steam/root").symlink_to(tmp_path / ".local/share/Steam")
    assert game_folders(tmp_path, NOWHERE) == (folder,)


def test_every_one_that_is_there(tmp_path: Path) -> None:
    both = tuple(made(tmp_path / f"Documents/{TAGAME}/{name}") for name in ("Demos", "DemosEpic"))
    assert game_folders(tmp_path, NOWHERE) == both
