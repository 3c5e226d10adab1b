"""maturin as the build backend, with the crates of ``crates.lock`` and no others.

``crates.lock`` is cargo's lock file without the lines that say where a crate comes from: they are
the same for every crate with a checksum, and cargo itself knows the line. Written anew with
``python locked_maturin.py`` after a change of ``Cargo.toml``.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import maturin

_HERE = Path(__file__).parent
_PINS, _LOCK = _HERE / "crates.lock", _HERE / "Cargo.lock"
_SOURCE = re.compile(r"^source = .*\n", re.MULTILINE)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Build with the pinned crates."""
    _restore_lock()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Build in place with the pinned crates."""
    _restore_lock()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """Pack the sources; cargo reads the lock for it."""
    _restore_lock()
    return maturin.build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Write the metadata; cargo reads the lock for it."""
    _restore_lock()
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def _resolve() -> str:
    subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=_HERE, check=True)
    return _LOCK.read_text()


def _restore_lock() -> None:
    source = _SOURCE.search(_resolve())[0]
    _LOCK.write_text(re.sub("^checksum = ", f"{source}checksum = ", _PINS.read_text(), flags=re.M))


if __name__ == "__main__":
    _PINS.write_text(_SOURCE.sub("", _resolve()))
