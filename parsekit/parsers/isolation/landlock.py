"""What a parser may see of the file system: a Landlock view, which a process can't widen again.

Structures and rights are those of `include/uapi/linux/landlock.h`. A kernel says which version of
the interface it has; rights that it does not know are left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
#: Rights to guard by version of the interface: 13 at first, then to link elsewhere, to truncate,
#: and to control devices.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_LAST_RIGHTS = 16
#: The newest version whose rights are named here.
KNOWN_VERSION = 7
#: TCP: bind and connect, from version 4.
_NETWORK, _NETWORK_SINCE = 0b11, 4
#: Abstract sockets of others, and signals to them, from version 6.
_SCOPED, _SCOPED_SINCE = 0b11, 6


_libc = ctypes.CDLL(None, use_errno=True)


class LandlockUnavailable(Exception):
    """This system offers no view of the file system."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def why_no_landlock() -> str:
    """What keeps this system from limiting the file system; empty when nothing does."""
    if sys.platform != "linux":
        return f"{sys.platform} has no Landlock"
    if version() < 1:
        return f"the kernel refuses Landlock: {os.strerror(ctypes.get_errno()).lower()}"
    return ""


class FileView:
    """Files and folders to be shown: opened once, so that many processes can be limited to them.

    ``readable`` holds for what is below as well; ``writable`` are devices such as ``/dev/null``.
    Paths that are not there are left out.
    """

    def __init__(self, readable: Iterable[Path], writable: Iterable[Path] = ()) -> None:
        self._rules: list[_PathBeneath] = []
        for path in dict.fromkeys(readable):
            self._add(path, _READ_FILE | _READ_DIR)
        for path in writable:
            self._add(path, _READ_FILE | _WRITE_FILE)

    def _add(self, path: Path, rights: int) -> None:
        with contextlib.suppress(OSError):  # what is not there needs no permission
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= ~_READ_DIR
            self._rules.append(_PathBeneath(rights, descriptor))

    def add_to(self, ruleset: int) -> None:
        """Allow all of it. Raises `LandlockUnavailable`."""
        for rule in self._rules:
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)


def show_only(*views: FileView) -> None:
    """Let this thread, and all that it starts from now on, see no more than these.

    Raises `LandlockUnavailable` with the reason.
    """
    if reason := why_no_landlock():
        raise LandlockUnavailable(reason)
    ruleset = _new_ruleset(version())
    try:
        for view in views:
            view.add_to(ruleset)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def version() -> int:
    """The version of the interface that this kernel offers; below 1 where it offers none."""
    return int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _new_ruleset(version: int) -> int:
    attributes = _Ruleset(
        (1 << _RIGHTS.get(version, _LAST_RIGHTS)) - 1,
        _NETWORK if version >= _NETWORK_SINCE else 0,
        _SCOPED if version >= _SCOPED_SINCE else 0,
    )
    return _call(_CREATE_RULESET, ctypes.byref(attributes), _size(version), 0)


def _size(version: int) -> ctypes.c_size_t:
    """Bytes of the structure that this version of the interface knows."""
    fields = 1 + (version >= _NETWORK_SINCE) + (version >= _SCOPED_SINCE)
    return ctypes.c_size_t(8 * fields)


def _call(number: int, *arguments: object) -> int:
    answer = int(_libc.syscall(number, *arguments))
    if answer < 0:
        text = os.strerror(ctypes.get_errno()).lower()
        raise LandlockUnavailable(f"the kernel refuses Landlock: {text}")
    return answer
