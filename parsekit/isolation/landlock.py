"""What a parser may see of the file system: a Landlock view, which a process can't widen again.

Structures and rights are those of `include/uapi/linux/landlock.h`. A kernel says which version of
the interface it has; rights that it does not know are left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
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
#: TCP: bind and connect, from version 4.
_NETWORK, _NETWORK_SINCE = 0b11, 4
#: Abstract sockets of others, and signals to them, from version 6.
_SCOPED, _SCOPED_SINCE = 0b11, 6


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
    if _version() < 1:
        return f"the kernel refuses Landlock: {os.strerror(ctypes.get_errno()).lower()}"
    return ""


def show_only(readable: Iterable[Path], writable: Iterable[Path] = ()) -> None:
    """Let this thread, and all that it starts from now on, read below ``readable`` and no more.

    ``writable`` are devices such as ``/dev/null``. Paths that are not there are left out. Raises
    `LandlockUnavailable` with the reason.
    """
    if reason := why_no_landlock():
        raise LandlockUnavailable(reason)
    ruleset = _made(_version())
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _version() -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _made(version: int) -> int:
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


def _allow(ruleset: int, path: Path, rights: int) -> None:
    with contextlib.suppress(OSError):  # what is not there needs no permission
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                rights &= ~_READ_DIR
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, _beneath(rights, descriptor), 0)
        finally:
            os.close(descriptor)


def _beneath(rights: int, descriptor: int) -> object:
    return ctypes.byref(_PathBeneath(rights, descriptor))


def _call(number: int, *arguments: object) -> int:
    answer = int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
    if answer < 0:
        text = os.strerror(ctypes.get_errno()).lower()
        raise LandlockUnavailable(f"the kernel refuses Landlock: {text}")
    return answer
