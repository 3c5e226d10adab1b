"""The crates that are built in: pinned, named without an address, and with their licences."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_HERE = Path(__file__).parents[1]
_LOCK = (_HERE / "crates.lock").read_text()
_LOCKED = {crate["name"]: crate for crate in tomllib.loads(_LOCK)["package"]}
_DIRECT = tomllib.loads((_HERE / "Cargo.toml").read_text())["dependencies"]


def test_the_lock_names_no_address() -> None:
    assert "://" not in _LOCK
    assert not re.search("^source", _LOCK, re.MULTILINE)


def test_every_crate_but_ours_has_a_checksum() -> None:
    bare = [name for name, crate in _LOCKED.items() if "checksum" not in crate]
    assert bare == ["parsekit-local-native"]


def test_direct_crates_are_pinned_to_what_is_locked() -> None:
    pins = {name: pin if isinstance(pin, str) else pin["version"] for name, pin in _DIRECT.items()}
    assert pins == {name: f"={_LOCKED[name]['version']}" for name in _DIRECT}


def test_every_crate_comes_with_its_licence() -> None:
    text = (_HERE / "crate_licenses.txt").read_text()
    named = set(re.findall(r"^=+\n(\S+ \S+): .+\n=+\n(?=\S)", text, re.MULTILINE))
    lock = tomllib.loads(_LOCK)["package"]
    assert named == {f"{each['name']} {each['version']}" for each in lock if "checksum" in each}
    manifest = tomllib.loads((_HERE / "pyproject.toml").read_text())
    assert manifest["project"]["license-files"] == ["crate_licenses.txt"]
