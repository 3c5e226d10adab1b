"""What ``parsekit doctor`` tries with the store: all that a parse does, on a probe object."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress

from parsekit import Check
from parsekit.errors import ParsekitError, ReplayNotFound, StorageDenied, StorageUnavailable
from parsekit_storage_minio.errors import Permission
from parsekit_storage_minio.storage import MinioStorage

_FIRST, _SECOND = b"parsekit doctor", b"parsekit doctor, again"
#: Where callers put replays.
_REPLAYS_PREFIX = "replays"


class _Surprise(Exception):
    """The store answered, but not what it must."""


def examine(storage: MinioStorage) -> list[Check]:
    """Write, read, keep, delete and look up; a line for each, naming a missing permission.

    A store that is away is tried once.
    """
    return _Examination(storage).lines()


class _Examination:
    """One run, and what it has found so far.

    A missing ``s3:ListBucket`` and a missing ``s3:GetObject`` look alike where nothing is: both are
    answered with 403. What was read, and then missed, tells one from the other.
    """

    def __init__(self, storage: MinioStorage) -> None:
        self._storage = storage
        name = f".parsekit-doctor-{uuid.uuid4().hex}"
        self._key = f"{storage.results_prefix}/{name}".lstrip("/")
        self._absent = f"{_REPLAYS_PREFIX}/{name}"
        self._stands = False
        self._may_read = False
        self._may_list: bool | None = None

    def lines(self) -> list[Check]:
        """Try everything that can be tried."""
        lines: list[Check] = []
        try:
            lines.append(_tried("write", self._write))
            if lines[0].ok:
                lines.append(_tried("read", self._read))
                lines.append(_tried("keep the first of two writers", self._keep))
                lines.append(_tried("delete", self._delete))
            if not self._stands:
                lines.append(_tried("miss what is not there", self._miss))
            lines.append(_tried("look up a replay", self._look_up))
        except StorageUnavailable as exc:
            lines.append(_failed("reach the store", exc.message))
            self._tidy()
        return lines

    def _write(self) -> str:
        self._storage.write(self._key, _FIRST)
        self._stands = True
        return f"stored {self._key}"

    def _read(self) -> str:
        if self._storage.read(self._key) != _FIRST:
            raise _Surprise(f"{self._key} came back changed; check the store")
        self._may_read = True
        return "came back unchanged"

    def _keep(self) -> str:
        second_won = self._storage.write(self._key, _SECOND, replace=False)
        if second_won or self._storage.keeps_first is False:
            raise _Surprise(
                "the store does not keep the first of two writers, as it ignores If-None-Match or"
                " does not know it; two workers may store the same result, which costs a parse"
            )
        return "the second was refused"

    def _delete(self) -> str:
        self._storage.delete(self._key)
        self._stands = False
        return f"deleted {self._key}"

    def _miss(self) -> str:
        try:
            found = self._storage.read(self._key)
        except StorageDenied as exc:
            if not self._may_read:
                raise
            self._may_list = False
            raise _unlisted(exc) from None
        if found is not None:
            raise _Surprise(f"{self._key} is still there; the store answers from a cache")
        self._may_list = True
        return "a result that is not there is reported as such"

    def _look_up(self) -> str:
        try:
            self._storage.head(self._absent)
        except ReplayNotFound:
            return "a replay that is not there is reported as such"
        except StorageDenied as exc:
            if self._may_list is None:
                raise
            raise (_unreadable(exc) if self._may_list else _unlisted(exc)) from None
        raise _Surprise(f"{self._absent} was found, though nobody stored it; check the store")

    def _tidy(self) -> None:
        if self._stands:
            with suppress(ParsekitError):
                self._storage.delete(self._key)


def _unlisted(exc: StorageDenied) -> StorageDenied:
    said = exc.message.partition("; ")[0]
    return StorageDenied(
        f"{said}, though nothing is there; grant {Permission.LIST} on the bucket to the access key,"
        " or every new replay looks forbidden"
    )


def _unreadable(exc: StorageDenied) -> StorageDenied:
    said = exc.message.partition("; ")[0]
    return StorageDenied(
        f"{said}; grant {Permission.READ} on {_REPLAYS_PREFIX}/* to the access key"
    )


def _tried(what: str, step: Callable[[], str]) -> Check:
    try:
        return Check(name=f"minio: {what}", ok=True, detail=step())
    except StorageUnavailable:
        raise
    except (ParsekitError, _Surprise) as exc:
        return _failed(what, str(exc))


def _failed(what: str, message: str) -> Check:
    detail, _, advice = message.partition("; ")
    return Check(name=f"minio: {what}", ok=False, detail=detail, advice=advice)
