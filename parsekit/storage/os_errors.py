"""What the operating system says about a file, in the words and classes of parsekit."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsekit.errors import BadRequest, ParsekitError, StorageDenied, StorageUnavailable
from parsekit.storage.atomic import NotOurs

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_WRONG_KIND = frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP})


@contextmanager
def storage_errors(path: Path, *, missing: ParsekitError | None = None) -> Iterator[None]:
    """Raise what an `OSError` in the block means; ``missing`` when there is no such file."""
    try:
        yield
    except OSError as exc:
        if missing is not None and exc.errno in (errno.ENOENT, errno.ENOTDIR):
            raise missing from exc
        raise _meaning(path, exc) from exc


def _meaning(path: Path, exc: OSError) -> ParsekitError:
    reason = (exc.strerror or type(exc).__name__).lower()
    if isinstance(exc, NotOurs):
        return StorageDenied(f"{exc.filename}: {reason}, and is not touched; remove it")
    if exc.errno in _FULL:
        return StorageUnavailable(f"{path}: {reason}; free space or raise the quota of this disk")
    if exc.errno in _REFUSED:
        return StorageDenied(f"{path}: {reason}; let this user read and write there")
    if exc.errno in _WRONG_KIND:
        return StorageDenied(f"{path}: {reason}; a file stands where a folder belongs, or reverse")
    if exc.errno == errno.ENAMETOOLONG:
        return BadRequest(f"{path.name[:80]!r}...: {reason}; shorten the name")
    return StorageUnavailable(f"{path}: {reason}; check the disk")
