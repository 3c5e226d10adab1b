"""Where what was learned is kept: with the budget of all workers, or in a file on one machine."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from parsekit import JsonObject
from parsekit_ballchasing.rate_limit.store import Store

log = logging.getLogger("parsekit.ballchasing")

Edit = Callable[[JsonObject], JsonObject]

#: Most that is read of a file; ours has about a kilobyte.
_MAX_BYTES = 64 * 1024
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kept(Protocol):
    """One small document that outlives this process. Used from several threads at once."""

    def read(self) -> JsonObject:
        """What stands there, empty when there is nothing."""
        ...

    def change(self, edit: Edit) -> JsonObject:
        """Replace it by what ``edit`` makes of it, undisturbed; ``edit`` may run twice."""
        ...


@dataclass(frozen=True, slots=True)
class InStore:
    """A document of the store that the workers share."""

    store: Store
    name: str

    def read(self) -> JsonObject:
        """See `Kept.read`."""
        return self.store.read(self.name)

    def change(self, edit: Edit) -> JsonObject:
        """See `Kept.change`."""
        return self.store.change(self.name, edit)


@dataclass(frozen=True, slots=True)
class InFile:
    """A file that the commands of one user share.

    What it holds is a help and no more, so a file that can't be used is as good as none.
    """

    path: Path

    def read(self) -> JsonObject:
        """See `Kept.read`."""
        try:
            with self._open(os.O_RDONLY, fcntl.LOCK_SH) as number:
                return _document(os.pread(number, _MAX_BYTES, 0))
        except OSError:
            return {}

    def change(self, edit: Edit) -> JsonObject:
        """See `Kept.change`."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._open(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as number:
                document = edit(_document(os.pread(number, _MAX_BYTES, 0)))
                os.ftruncate(number, 0)
                os.pwrite(number, json.dumps(document).encode(), 0)
                return document
        except OSError as exc:
            log.debug("%s is not kept: %s", self.path, exc)
            return edit({})

    @contextmanager
    def _open(self, flags: int, lock: int) -> Iterator[int]:
        """Follow no link, which would lead to a file that is not ours, and wait for no pipe."""
        number = os.open(self.path, flags | _CAREFULLY, 0o600)
        try:
            fcntl.flock(number, lock)
            yield number
        finally:
            os.close(number)


def _document(text: bytes) -> JsonObject:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
