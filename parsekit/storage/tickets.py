"""Tickets of remote parsers, kept in the storage: a killed worker's upload is never made again.

The storage is the one place that every worker sees whatever the broker, and that survives all of
them. A ticket is written when the parser checkpoints and removed when the task ends; it stays only
after an error that says nothing against the upload, so that a repeat needs no second one.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsekit.errors import (
    ConfigInvalid,
    ParsekitError,
    QuotaExhausted,
    RateLimited,
    RemoteTimeout,
    RemoteUnavailable,
    StorageDenied,
    StorageUnavailable,
    Unauthorized,
)
from parsekit.model import JsonObject
from parsekit.providers import Storage
from parsekit.redaction.secrets import short
from parsekit.storage.results import MAX_REASON, ResultName
from parsekit.storage.signing import Signer
from parsekit.storage.untrusted import UNREADABLE, count, number

log = logging.getLogger("parsekit.tickets")

_FOLDER = "tickets"
#: Percent.
_ALL = 100
#: A task that fails so leaves its ticket to the next one.
_KEPT_AFTER = (
    *(RemoteTimeout, RemoteUnavailable, RateLimited, QuotaExhausted),
    *(Unauthorized, ConfigInvalid, StorageUnavailable, StorageDenied),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTicket:
    """A ticket with what is needed to go on without the replay."""

    ticket: Mapping[str, Any]
    sha256: str
    size_bytes: int
    progress: float
    parse_began_unix: float

    def for_state(self) -> dict[str, Any]:
        """The fields of `RunState` that a task learns from it."""
        return {
            "ticket": self.ticket,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "parse_began_unix": self.parse_began_unix,
        }


@dataclass(frozen=True, slots=True)
class Tickets:
    """The tickets in one storage."""

    storage: Storage
    signer: Signer | None = None

    def keep(self, name: ResultName, kept: StoredTicket) -> None:
        """Write, in one atomic step. Raises the storage errors."""
        body: JsonObject = {
            "ticket": dict(kept.ticket),
            "sha256": kept.sha256,
            "sizeBytes": kept.size_bytes,
            "progress": kept.progress,
            "parseBeganUnix": kept.parse_began_unix,
        }
        if self.signer is not None:
            body["signature"] = self.signer.sign(_purpose(name), body)
        self.storage.write(self._key(name), json.dumps(body).encode())

    def find(self, name: ResultName) -> StoredTicket | None:
        """The ticket of an earlier attempt, None when there is none that can be read."""
        body = self.storage.read(self._key(name))
        if body is None:
            return None
        try:
            return _kept(self._trusted(json.loads(body), name))
        except UNREADABLE as exc:
            reason = short(str(exc), MAX_REASON)
            log.warning("ticket of %s can't be read: %s; starting anew", name.lock_key, reason)
            return None

    def _trusted(self, kept: JsonObject, name: ResultName) -> JsonObject:
        """A forged ticket would have us fetch, and sign, the result of another replay."""
        signature = kept.pop("signature", None)
        if self.signer is not None and not self.signer.verifies(_purpose(name), kept, signature):
            raise ValueError("none of our keys has signed it")
        return kept

    def drop(self, name: ResultName) -> None:
        """Remove. One that we may not remove stays: the result that it led to is stored already."""
        try:
            self.storage.delete(self._key(name))
        except StorageDenied as error:
            log.warning("the ticket of %s stays: %s", name.lock_key, error)

    def end(self, name: ResultName, error: ParsekitError) -> None:
        """Remove that of a task which fails, unless a repeat can use it."""
        if isinstance(error, _KEPT_AFTER):
            return
        try:
            self.drop(name)
        except StorageUnavailable as away:
            log.warning("the ticket of %s stays: %s", name.lock_key, away)

    def _key(self, name: ResultName) -> str:
        return name.key(self.storage.results_prefix, _FOLDER)


def _kept(stored: JsonObject) -> StoredTicket:
    if not isinstance(stored["ticket"], dict):
        raise ValueError("its ticket is no object")
    if not re.fullmatch(r"[0-9A-Za-z]{0,128}", stored["sha256"]):
        raise ValueError("its sha256 is no hash")
    if (progress := number(stored["progress"])) > _ALL:
        raise ValueError(f"its progress is {progress} %")
    return StoredTicket(
        ticket=stored["ticket"],
        sha256=stored["sha256"],
        size_bytes=count(stored["sizeBytes"]),
        progress=progress,
        parse_began_unix=number(stored["parseBeganUnix"]),
    )


def _purpose(name: ResultName) -> str:
    return f"parsekit ticket of {name.lock_key}"
