"""Make a virtual environment with pip in it, also where Debian left out ensurepip."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

MINIMUM = (3, 11)


def main(target: str) -> int:
    """Make ``target``; answer an exit code."""
    if sys.version_info < MINIMUM:
        return _fail(f"Python {sys.version.split()[0]} is too old; parsekit needs 3.11 or newer")
    if importlib.util.find_spec("ensurepip") is None and not _install_ensurepip():
        return _fail("Python has no ensurepip; install the package python3-venv, then run again")
    # A new interpreter: this one has already looked for ensurepip and may remember that it is away.
    make = [sys.executable, "-m", "venv", "--clear", target]
    return subprocess.run(make, check=False).returncode


def _install_ensurepip() -> bool:
    apt = shutil.which("apt-get")
    if apt is None:
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and shutil.which("sudo") is None:
        return False
    subprocess.run([*sudo, apt, "update", "-qq"], check=False)
    return (
        subprocess.run([*sudo, apt, "install", "-y", "-qq", "python3-venv"], check=False).returncode
        == 0
    )


def _fail(message: str) -> int:
    sys.stderr.write(f"make install: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
