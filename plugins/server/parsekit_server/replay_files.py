"""The uploaded files, in the data folder: one for each replay, named by its id."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from parsekit import OwnedFolder
from parsekit.errors import ReplayTooLarge
from parsekit_server.disk_space import DiskSpace, refusals_of_the_disk

_SUFFIX, _DRAFT_SUFFIX = ".replay", ".upload"
_MIB = 1024 * 1024


class ReplayFiles:
    """Files of replays, in 256 folders by the first digits of their ids."""

    def __init__(self, folder: OwnedFolder, space: DiskSpace, *, max_bytes: int) -> None:
        self._folder = folder
        self._space = space
        self._max_bytes = max_bytes

    def path(self, replay_id: str) -> Path:
        """Where the file of a replay stands."""
        return self._folder.path / _shard(replay_id) / f"{replay_id}{_SUFFIX}"

    def receive(self, replay_id: str) -> Draft:
        """Begin a file. It is one of a replay when it is kept, and gone when the draft ends.

        Raises `DiskFull`, as the methods of the draft do.
        """
        self._space.check()
        with refusals_of_the_disk():
            shard = self._folder.below(_shard(replay_id), make=True)
            return Draft(shard, replay_id, max_bytes=self._max_bytes)

    def delete(self, replay_id: str) -> None:
        """Remove the file of a replay; nothing without one."""
        with suppress(FileNotFoundError), self._folder.below(_shard(replay_id)) as shard:
            shard.delete_own(f"{replay_id}{_SUFFIX}")

    def sweep(self) -> None:
        """Remove what uploads left that a crash broke off; only while nobody uploads.

        A file of a replay stays, also one that the catalogue does not know: that may have been
        restored from an older back-up.
        """
        for shard_name in self._folder.own_folders():
            with self._folder.below(shard_name) as shard:
                for draft in shard.own_names(_DRAFT_SUFFIX):
                    shard.delete_own(draft)

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.close()


class Draft:
    """A file that grows while it is uploaded."""

    def __init__(self, shard: OwnedFolder, replay_id: str, *, max_bytes: int) -> None:
        self.replay_id = replay_id
        self.size_bytes = 0
        self._shard = shard
        self._max_bytes = max_bytes
        self._name = f"{replay_id}{_DRAFT_SUFFIX}"
        self._sha256 = hashlib.sha256()
        self._file = os.fdopen(shard.file(self._name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb")

    @property
    def path(self) -> Path:
        """Where it stands."""
        return self._shard.path / self._name

    @property
    def sha256(self) -> str:
        """Of what was written, in hex."""
        return self._sha256.hexdigest()

    def write(self, block: bytes) -> None:
        """Append a piece. Raises `ReplayTooLarge`."""
        self.size_bytes += len(block)
        if self.size_bytes > self._max_bytes:
            raise ReplayTooLarge(
                f"the file is larger than the {self._max_bytes / _MIB:.1f} MiB of"
                " limits.replay_bytes"
            )
        self._sha256.update(block)
        with refusals_of_the_disk():
            self._file.write(block)

    def flush(self) -> None:
        """Let others read what was written."""
        with refusals_of_the_disk():
            self._file.flush()

    def keep(self) -> None:
        """Make it the file of its replay, on the disk when this returns."""
        with refusals_of_the_disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._shard.rename_own(self._name, f"{self.replay_id}{_SUFFIX}")
            os.fsync(self._shard.descriptor)

    def discard(self) -> None:
        """Remove it, kept or not."""
        self._shard.delete_own(f"{self.replay_id}{_SUFFIX}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what the disk refused is tried once more here
            self._file.close()
        self._shard.delete_own(self._name)
        self._shard.close()


def _shard(replay_id: str) -> str:
    return replay_id[:2]
