"""What ``parsekit doctor`` tries with a storage: all that a parse does, on a probe object."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

from parsekit.errors import ParsekitError, ReplayNotFound, StorageUnavailable
from parsekit.providers import Check, Storage

_FIRST, _SECOND = b"parsekit doctor", b"parsekit doctor, again"
#: Where callers put replays.
_REPLAYS_PREFIX = "replays"


def check_storage(storage: Storage, name: str) -> list[Check]:
    """Write, read, keep, look up and delete a probe; a line for each, in that order.

    For authors of storages. ``name`` begins each line's name. Nothing is raised, and nothing is
    left behind where deleting is allowed.
    """
    probe = f".parsekit-doctor-{uuid.uuid4().hex}"
    return list(_lines(storage, name, probe))


def _lines(storage: Storage, name: str, probe: str) -> Iterator[Check]:
    key = f"{storage.results_prefix}/{probe}".lstrip("/")
    written = _tried(f"{name}: write", lambda: _write(storage, key))
    yield written
    if written.ok:
        yield _tried(f"{name}: read", lambda: _read(storage, key))
        yield _tried(f"{name}: keep the first of two writers", lambda: _keep(storage, key))
    absent = f"{_REPLAYS_PREFIX}/{probe}"
    yield _tried(f"{name}: look up a replay", lambda: _look_up(storage, absent))
    if written.ok:
        yield _tried(f"{name}: delete", lambda: _delete(storage, key))


def _tried(name: str, step: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=step())
    except ParsekitError as exc:
        detail, _, advice = exc.message.partition("; ")
        return Check(name=name, ok=False, detail=detail, advice=advice)


def _write(storage: Storage, key: str) -> str:
    storage.write(key, _FIRST)
    return f"stored {key}"


def _read(storage: Storage, key: str) -> str:
    if storage.read(key) != _FIRST:
        raise StorageUnavailable(
            f"{key} came back changed; another program writes there, or it is damaged"
        )
    return "came back unchanged"


def _keep(storage: Storage, key: str) -> str:
    if storage.write(key, _SECOND, replace=False) or storage.read(key) != _FIRST:
        raise StorageUnavailable(
            "a second writer replaced the first; the store ignores If-None-Match, so two workers"
            " may store the same result twice"
        )
    return "the second was turned away"


def _look_up(storage: Storage, key: str) -> str:
    try:
        storage.head(key)
    except ReplayNotFound:
        return "a replay that is not there is reported as such"
    raise StorageUnavailable(f"{key} was found, though nobody stored it; check the store")


def _delete(storage: Storage, key: str) -> str:
    storage.delete(key)
    if storage.read(key) is not None:
        raise StorageUnavailable(f"{key} is still there; the store answers from a cache")
    return "the probe is gone"
