"""Make a virtual environment with pip in it, also where Debian left out ensurepip."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MINIMUM = (3, 11)
#: Debian's package with pip as a wheel; python3-venv would bring the same one.
PIP_WHEEL = "python3-pip-whl"


def main(target: str) -> int:
    """Make ``target``; answer an exit code."""
    if sys.version_info < MINIMUM:
        return _fail(f"Python {sys.version.split()[0]} is too old; parsekit needs 3.11 or newer")
    if importlib.util.find_spec("ensurepip") is not None or _install_ensurepip():
        return _run([sys.executable, "-m", "venv", "--clear", target])
    with tempfile.TemporaryDirectory() as folder:
        wheel = _unpacked_pip(Path(folder))
        if wheel is None:
            return _fail("Python has no ensurepip; install python3-venv, then try again")
        made = _run([sys.executable, "-m", "venv", "--clear", "--without-pip", target])
        own = [f"{target}/bin/python", f"{wheel}/pip", "install", "--quiet", "--no-index"]
        return made or _run([*own, str(wheel)])


def _install_ensurepip() -> bool:
    """Let apt install it, where root or sudo lets us."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") is None or (sudo and shutil.which("sudo") is None):
        return False
    _run([*sudo, "apt-get", "update", "-qq"])
    return _run([*sudo, "apt-get", "install", "-y", "-qq", "python3-venv"]) == 0


def _unpacked_pip(folder: Path) -> Path | None:
    """Get pip without root: apt downloads the package, dpkg-deb unpacks it here."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    places = (f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}/cache")
    settings = (*places, "Debug::NoLocking=1", "APT::Sandbox::User=")
    apt = ["apt-get", "-qq", *(part for setting in settings for part in ("-o", setting))]
    if _run([*apt, "update"]) or _run([*apt, "download", PIP_WHEEL], folder):
        return None
    for package in folder.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(folder / "root")])
    return next(folder.glob("root/usr/share/python-wheels/pip-*.whl"), None)


def _run(command: list[str], folder: Path | None = None) -> int:
    return subprocess.run(command, cwd=folder, check=False).returncode


def _fail(message: str) -> int:
    sys.stderr.write(f"make install: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
