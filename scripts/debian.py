"""Debian's packages, unpacked below a folder: without root and without installing anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds for one apt-get; mirrors can be slow, and another apt may hold the lock for a while.
APT_SECONDS = 600


class Refused(Exception):
    """This way does not work on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Packages:
    """What apt has, and a folder for what is taken of it."""

    folder: Path

    @property
    def root(self) -> Path:
        """Where `unpack` puts the files of all packages."""
        return self.folder / "root"

    def needed_by(self, name: str) -> set[str]:
        """Names of a package and of all that it depends on."""
        closure = ["depends", "--recurse", "--important", name]
        listing = run(["apt-cache", *self._settings, *closure])
        return {name, *(line for line in listing.split("\n") if line and not line.startswith(" "))}

    def unpack(self, *names: str) -> None:
        """Unpack these. Raises `Refused`."""
        run(["apt-get", *self._settings, "-qq", "download", *sorted(names)], folder=self.folder)
        self._unpack_from(self.folder)

    def unpack_with_what_lacks(self, *names: str) -> None:
        """Unpack these and what they depend on, but what is installed. Raises `Refused`."""
        wanted = ["--no-install-recommends", "--download-only", "install", *names]
        run(["apt-get", *self._settings, "-qq", "--yes", *wanted])
        self._unpack_from(self.folder / "cache/archives")

    def update(self) -> None:
        """Read what there is, into lists of our own: the system's may be empty and are root's."""
        for folder in ("lists/partial", "cache/archives/partial"):
            (self.folder / folder).mkdir(parents=True)
        run(["apt-get", *self._settings, "-qq", "update"])

    @property
    def _settings(self) -> list[str]:
        places = (f"Dir::State::Lists={self.folder}/lists", f"Dir::Cache={self.folder}/cache")
        settings = (*places, "Debug::NoLocking=1", "APT::Sandbox::User=")
        return [part for setting in settings for part in ("-o", setting)]

    def _unpack_from(self, folder: Path) -> None:
        for package in sorted(folder.glob("*.deb")):
            run(["dpkg-deb", "-x", str(package), str(self.root)])


@contextmanager
def packages(target: Path) -> Iterator[Packages]:
    """Packages for ``target``, which the block makes of their `Packages.root`.

    What is beside it after the block is gone. Raises `Refused` when they can't be had.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Refused("there is no apt-get or no dpkg-deb")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        taken = Packages(Path(name))
        taken.update()
        yield taken


def provide(what: str, package: str, unpack: Callable[[], None]) -> int:
    """Get ``what`` for the tests; return an exit code, and say what to install where it is 1."""
    print(f"getting {what} for the tests", file=sys.stderr)
    try:
        unpack()
    except (Refused, OSError) as exc:
        print(f"there is no {what} for the tests, and getting it failed: {exc}", file=sys.stderr)
        print(f"install the package {package}, then run again", file=sys.stderr)
        return 1
    return 0


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """Return what it prints. Raises `Refused` when it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=APT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise Refused(f"{command[0]} took longer than {APT_SECONDS} s") from exc
    if done.returncode:
        raise Refused(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout
