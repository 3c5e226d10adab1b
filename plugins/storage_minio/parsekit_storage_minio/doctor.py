"""What ``parsekit doctor`` tries with the store: all that a parse does, on a probe object."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from parsekit import Check, Storage
from parsekit.errors import ParsekitError, ReplayNotFound, StorageUnavailable

_FIRST, _SECOND = b"parsekit doctor", b"parsekit doctor, again"
#: Where callers put replays.
_REPLAYS_PREFIX = "replays"


class _Surprise(Exception):
    """The store answered, but not what it must."""


def examine(storage: Storage) -> list[Check]:
    """Write, read, keep, delete and look up; a line for each, naming a missing permission.

    A store that is away is tried once.
    """
    probe = f".parsekit-doctor-{uuid.uuid4().hex}"
    key = f"{storage.results_prefix}/{probe}".lstrip("/")
    lines: list[Check] = []
    try:
        lines.append(_tried("write", lambda: _write(storage, key)))
        if lines[0].ok:
            lines.append(_tried("read", lambda: _read(storage, key)))
            lines.append(_tried("keep the first of two writers", lambda: _keep(storage, key)))
            lines.append(_tried("delete", lambda: _delete(storage, key)))
        absent = f"{_REPLAYS_PREFIX}/{probe}"
        lines.append(_tried("look up a replay", lambda: _look_up(storage, absent)))
    except StorageUnavailable as exc:
        lines.append(_failed("reach the store", exc.message))
    return lines


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


def _write(storage: Storage, key: str) -> str:
    storage.write(key, _FIRST)
    return f"stored {key}"


def _read(storage: Storage, key: str) -> str:
    if storage.read(key) != _FIRST:
        raise _Surprise(f"{key} came back changed; check the store")
    return "came back unchanged"


def _keep(storage: Storage, key: str) -> str:
    if storage.write(key, _SECOND, replace=False) or storage.read(key) != _FIRST:
        raise _Surprise(
            "a second writer replaced the first; the store ignores If-None-Match, so two workers"
            " may store the same result"
        )
    return "the second was turned away"


def _delete(storage: Storage, key: str) -> str:
    storage.delete(key)
    if storage.read(key) is not None:
        raise _Surprise(f"{key} is still there; the store answers from a cache")
    return "the probe is gone"


def _look_up(storage: Storage, key: str) -> str:
    try:
        storage.head(key)
    except ReplayNotFound:
        return "a replay that is not there is reported as such"
    raise _Surprise(f"{key} was found, though nobody stored it; check the store")
