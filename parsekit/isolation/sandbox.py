"""What a child gives up before it touches a replay, and what this system can't take from it.

The threat is a replay that takes over the native code that reads it. Parsers themselves are
installed by the operator: they may read and write while they are imported and made.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from parsekit.isolation.landlock import LandlockUnavailable, show_only, why_no_landlock
from parsekit.isolation.seccomp import SeccompUnavailable, refuse_system_calls, why_no_seccomp

SYSTEM_CALLS = "system calls"
FILE_VIEW = "view of the file system"

#: Most bytes of one file that a child writes: its stderr, which the parent keeps as a file.
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
#: Most open files of a child; pipes hold memory that no other limit counts.
MAX_OPEN_FILES = 256

#: Needed by the C library, by Python and by whoever counts cores.
_SYSTEM_PATHS = (
    *(
        "/usr",
        "/lib",
        "/lib64",
        "/nix/store",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/etc/nsswitch.conf",
    ),
    *("/dev/urandom", "/dev/zero", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/fs/cgroup"),
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


def give_up_system() -> None:
    """Refuse network, other processes and the system itself, for good; call it at the start.

    Where the system has no filter the rest is given up all the same; see `missing_layers`.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES))
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _drop_capabilities()
    with contextlib.suppress(SeccompUnavailable):
        refuse_system_calls()


def give_up_files(folder: Path, create: str, search_path: Iterable[str]) -> None:
    """Keep reading code and ``folder``, where replays are put; write nowhere, for good.

    ``create`` is the parser as ``module:name``. Only threads that start later are held as well.
    """
    with contextlib.suppress(LandlockUnavailable):
        show_only((folder, *_code(create, search_path), *map(Path, _SYSTEM_PATHS)), _DEVICES)


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


def _code(create: str, search_path: Iterable[str]) -> list[Path]:
    """Where Python and the parser are."""
    installed = [
        Path(path) for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())
    ]
    searched = [Path(path) for path in search_path if not _too_much(Path(path))]
    return [*installed, *searched, *_package("parsekit"), *_package(create)]


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
