"""How a child restricts itself before it touches a replay, and what this system can't take from it.

The threat is a replay that takes over the native code that reads it. Parsers themselves are
installed by the operator: they may read and write while they are imported and made.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import resource
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from parsekit.parsers.isolation.landlock import (
    KNOWN_VERSION,
    FileView,
    LandlockUnavailable,
    show_only,
    why_no_landlock,
)
from parsekit.parsers.isolation.landlock import version as landlock_version
from parsekit.parsers.isolation.protocol import ParserSpec
from parsekit.parsers.isolation.seccomp import (
    KNOWN_KERNEL,
    CallFilter,
    SeccompUnavailable,
    why_no_seccomp,
)

SYSTEM_CALLS = "system calls"
FILE_VIEW = "view of the file system"

#: Most bytes of one file that a parser writes: its stderr, which the host keeps as a file.
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
#: Most open files of a parser; pipes hold memory that no other limit counts.
MAX_OPEN_FILES = 64

#: Needed by the C library, by Python and by whoever counts cores.
_SYSTEM_PATHS = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/local/lib"),
    *("/usr/share/zoneinfo", "/usr/share/locale", "/nix/store", "/etc/ld.so.cache"),
    *("/etc/localtime", "/etc/nsswitch.conf", "/dev/urandom", "/dev/zero"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory"),
    *("/sys/devices/system/cpu", "/sys/fs/cgroup"),
)
#: What the same and native code ask about their own process; its folder also holds the network's.
_OWN_PROCESS = tuple(
    f"/proc/self/{name}"
    for name in (
        "auxv",
        "cgroup",
        "cmdline",
        "limits",
        "maps",
        "mountinfo",
        "stat",
        "statm",
        "status",
    )
)
_DEVICES = (Path("/dev/null"),)


@dataclass(frozen=True, slots=True)
class Missing:
    """A layer that this system does not offer, and why."""

    layer: str
    reason: str

    def __str__(self) -> str:
        """For logs and checks."""
        return f"{self.layer}: {self.reason}"


def missing_layers() -> tuple[Missing, ...]:
    """Layers that children on this system go without; asks the kernel and changes nothing."""
    reasons = {SYSTEM_CALLS: why_no_seccomp(), FILE_VIEW: why_no_landlock()}
    return tuple(Missing(layer, reason) for layer, reason in reasons.items() if reason)


def newer_than_known() -> str:
    """What this kernel may offer that no filter knows of; empty when all of it is known."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or release is None:
        return ""
    kernel = (int(release[1]), int(release[2]))
    found = []
    if kernel > KNOWN_KERNEL:
        known = ".".join(map(str, KNOWN_KERNEL))
        found.append(f"Linux {kernel[0]}.{kernel[1]} is newer than {known}, whose calls are known")
    if (offered := landlock_version()) > KNOWN_VERSION:
        found.append(f"Landlock {offered} is newer than {KNOWN_VERSION}, whose rights are known")
    return "; ".join(found)


class Sandbox:
    """How the process that makes a parser, and then each that parses, restricts itself for good.

    ``replays`` is the folder in which each replay has a folder of its own.
    """

    def __init__(self, spec: ParserSpec, replays: Path) -> None:
        self._spec = spec
        self._replays = replays
        self._calls = CallFilter(strict=spec.strict)
        self._seen: tuple[FileView, ...] = ()

    def restrict_system(self) -> None:
        """Refuse network, programs and the system itself; call it before the parser is made.

        Where the system has no filter the rest is restricted all the same; see `missing_layers`.
        """
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES))
        _drop_capabilities()
        with contextlib.suppress(SeccompUnavailable):
            CallFilter(may_fork=True).install()

    def restrict_files(self) -> None:
        """Keep reading code, replays and facts about processes; call it once the parser is made.

        Only threads that start later are held as well.
        """
        self._seen = (FileView((*_code(self._spec), *map(Path, _SYSTEM_PATHS)), _DEVICES),)
        with contextlib.suppress(LandlockUnavailable):
            show_only(*self._seen, FileView((self._replays, Path("/proc"))))

    def restrict_all(self, folder: Path) -> None:
        """Keep reading code and the one replay in ``folder``; start and signal no process."""
        _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
        with contextlib.suppress(LandlockUnavailable):
            show_only(*self._seen, FileView((folder, *map(Path, _OWN_PROCESS))))
        with contextlib.suppress(SeccompUnavailable):
            self._calls.install()


def _lower(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _drop_capabilities() -> None:
    """Leave root without its powers, such as raising the limits of its own process."""
    capset = getattr(ctypes.CDLL(None), "capset", None)
    if capset is not None:
        version_3, this_process = 0x20080522, 0
        capset((ctypes.c_uint32 * 2)(version_3, this_process), (ctypes.c_uint32 * 6)())


def _code(spec: ParserSpec) -> list[Path]:
    """Where Python and the parser are."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    installed = [Path(path) for path in (sysconfig.get_path(name) for name in names) if path]
    libraries = [
        Path(prefix, name) for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64")
    ]
    searched = [Path(path) for path in spec.search_path if not _too_much(Path(path))]
    return [*installed, *libraries, *searched, *_package("parsekit"), *_package(spec.create)]


def _too_much(path: Path) -> bool:
    """Whether a folder of the search path holds all homes or all temporary files."""
    kept = (*_home(), Path(tempfile.gettempdir()))
    return any(place.resolve().is_relative_to(path.resolve()) for place in kept)


def _home() -> list[Path]:
    """The user's, if any: one without HOME and without a name has none."""
    try:
        return [Path.home()]
    except RuntimeError:
        return []


def _package(create: str) -> list[Path]:
    spec = find_spec(create.partition(":")[0].partition(".")[0])
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin else []
