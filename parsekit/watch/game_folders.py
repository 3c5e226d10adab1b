"""The game's own replay folders on this machine: Windows, Steam's Proton, macOS, old Linux."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

#: The game's number at Steam, which names its Proton prefix.
_STEAM_APP = "252950"
#: Below the user's documents. The game from Epic's store has a folder of its own.
_IN_DOCUMENTS = tuple(f"My Games/Rocket League/TAGame/{name}" for name in ("Demos", "DemosEpic"))
#: Homes of Windows users, as Windows Subsystem for Linux shows them.
_WINDOWS_HOMES = Path("/mnt/c/Users")
#: Where Steam is, below a home: its own installer's, Debian's, Flatpak's, Snap's, macOS's.
_STEAM = (
    ".local/share/Steam",
    ".steam/steam",
    ".steam/root",
    ".steam/debian-installation",
    ".var/app/com.valvesoftware.Steam/.local/share/Steam",
    "snap/steam/common/.local/share/Steam",
    "Library/Application Support/Steam",
)
#: Where the game itself kept its files on macOS and Linux, below a home.
_NATIVE = ("Library/Application Support/Rocket League", ".local/share/Rocket League")


def game_folders(home: Path, windows_homes: Path = _WINDOWS_HOMES) -> tuple[Path, ...]:
    """Every replay folder of the game that is there, each once, however many links lead to it."""
    found: dict[Path, Path] = {}
    for folder in _candidates(home, windows_homes):
        with suppress(OSError):
            if folder.is_dir():
                found.setdefault(folder.resolve(), folder)
    return tuple(found.values())


def _candidates(home: Path, windows_homes: Path) -> Iterator[Path]:
    for user in (home, *_matching(windows_homes, "*")):
        yield from _in_windows_home(user)
    for library in dict.fromkeys(chain.from_iterable(_libraries(home / each) for each in _STEAM)):
        users = library / "steamapps/compatdata" / _STEAM_APP / "pfx/drive_c/users"
        for user in _matching(users, "*"):
            yield from _in_windows_home(user)
    for native in _NATIVE:
        yield home / native / "TAGame/Demos"


def _in_windows_home(user: Path) -> Iterator[Path]:
    """The documents of a Windows user, also those that OneDrive has moved and translated."""
    for below in _IN_DOCUMENTS:
        yield user / "Documents" / below
        yield from _matching(user, f"OneDrive*/*/{below}")


def _libraries(steam: Path) -> Iterator[Path]:
    """Steam's own folder, and those on other disks that it knows of."""
    yield steam
    with suppress(OSError):
        text = (steam / "steamapps/libraryfolders.vdf").read_text(
            encoding="utf-8", errors="replace"
        )
        for path in re.findall(r'"path"\s+"([^"]+)"', text):
            yield Path(path.replace("\\\\", "\\"))


def _matching(folder: Path, pattern: str) -> list[Path]:
    """What matches below a folder; nothing where it can't be looked into."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
