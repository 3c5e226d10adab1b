"""Stored results: their keys, their document, and whether one that was found may be served.

The key holds fingerprint, parser and parser version, so that a new parser version or another
content never meets an old result. The document repeats them and carries a digest of its data and,
where a key is configured, a signature of everything: one that is cut short, edited, forged, or
stands under a wrong key is parsed again, never served.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
from dataclasses import dataclass
from typing import Any

from parsekit.json_text import JsonData, spliced, split
from parsekit.model import Failure, JsonObject, Tried
from parsekit.providers import Storage
from parsekit.redaction.secrets import short
from parsekit.storage.signing import Signer
from parsekit.storage.untrusted import UNREADABLE, expect_list, number, text

log = logging.getLogger("parsekit.results")

#: Characters of what is wrong with a document: it may quote the document, which may be large.
MAX_REASON = 300

_PURPOSE = "parsekit result"
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultName:
    """What a result is the result of."""

    fingerprint: str
    parser: str
    version: str

    def key(self, prefix: str, kind: str = "") -> str:
        """The object key below the storage's results prefix; ``kind`` is a folder for others."""
        parts = (prefix, kind, _safe(self.parser), _safe(self.version), self.fingerprint + ".json")
        return "/".join(part for part in parts if part)

    @property
    def lock_key(self) -> str:
        """The name under which workers agree who parses."""
        return f"{self.parser}/{self.version}/{self.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What made a result, so that all that one machine or one build made can be recalled.

    ``process`` is the number of the worker's process, ``distribution`` the parser's with its
    version, ``confinement`` how the parser was kept in ("none" for a remote one), ``reader`` what
    it says that it read the replay with ("" where it says nothing).
    """

    host: str
    process: int
    parsekit: str
    distribution: str
    confinement: str
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A stored result. ``tried`` names the parsers that its task asked before this one.

    ``maker`` None is that of a result that was read: it is for people who search the storage.
    """

    name: ResultName
    sha256: str
    size_bytes: int
    task_id: str
    stored_unix: float
    data: JsonData
    warnings: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    maker: Maker | None = None

    def to_members(self, output_path: str) -> JsonObject:
        """What is stored besides ``data``, unsigned; together a valid result of the contract."""
        return {
            "parser": self.name.parser,
            "parserVersion": self.name.version,
            "outputPath": output_path,
            "hash": self.sha256,
            "warnings": list(self.warnings),
            "tried": [each.to_json() for each in self.tried],
            "provenance": {
                "fingerprint": self.name.fingerprint,
                "replayBytes": self.size_bytes,
                "taskId": self.task_id,
                "storedUnix": self.stored_unix,
                "dataSha256": self.data.sha256,
                "madeBy": dataclasses.asdict(self.maker) if self.maker else None,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLookup:
    """What a look-up found; ``damaged`` says that something stands there that may not be served."""

    result: Result | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class ResultStore:
    """The results in one storage."""

    storage: Storage
    signer: Signer | None = None

    def path(self, name: ResultName) -> str:
        """The key of the stored object."""
        return name.key(self.storage.results_prefix)

    def find(self, name: ResultName) -> CacheLookup:
        """Look up: one small read. Raises the storage errors."""
        body = self.storage.read(self.path(name))
        if body is None:
            return CacheLookup()
        result = self.decode(body, name)
        return CacheLookup(result=result, damaged=result is None)

    def put(self, body: bytes, result: Result, *, replace: bool) -> Result:
        """Store, and return what now stands there: the first of two writers wins.

        Raises the storage errors.
        """
        if self.storage.write(self.path(result.name), body, replace=replace):
            return result
        theirs = self.find(result.name).result
        if theirs is None:
            self.storage.write(self.path(result.name), body, replace=True)
        return theirs or result

    def encode(self, result: Result) -> bytes:
        """The document as it is stored."""
        members = result.to_members(self.path(result.name))
        if self.signer is not None:
            members["provenance"]["signature"] = self.signer.sign(_PURPOSE, members)
        return spliced(members, "data", result.data.text).encode()

    def decode(self, body: bytes, name: ResultName) -> Result | None:
        """Read a stored document; None, with the reason in the log, when it may not be served."""
        try:
            return self._checked(body.decode(), name)
        except UNREADABLE as exc:
            reason = short(str(exc), MAX_REASON)
            log.warning("stored result %s is not served: %s; parsing again", name.lock_key, reason)
            return None

    def _checked(self, document: str, name: ResultName) -> Result:
        members, data = split(document, "data")
        if self.signer is not None:
            _refuse_forged(members, self.signer)
        result = _result(members, JsonData.read(data))
        if result.name != name:
            raise ValueError(f"is of {result.name}")
        if result.data.sha256 != members["provenance"]["dataSha256"]:
            raise ValueError("its data do not have the digest that was stored with them")
        return result


def _refuse_forged(members: JsonObject, signer: Signer) -> None:
    signature = members["provenance"].pop("signature", None)
    if signature is None:
        raise ValueError("it is not signed")
    if not signer.verifies(_PURPOSE, members, signature):
        raise ValueError("none of our keys has made its signature")


def _result(members: JsonObject, data: JsonData) -> Result:
    provenance = members["provenance"]
    return Result(
        name=ResultName(
            fingerprint=provenance["fingerprint"],
            parser=members["parser"],
            version=members["parserVersion"],
        ),
        sha256=text(members["hash"]),
        size_bytes=int(number(provenance["replayBytes"])),
        task_id=text(provenance["taskId"]),
        stored_unix=number(provenance["storedUnix"]),
        data=data,
        warnings=tuple(map(text, expect_list(members["warnings"]))),
        tried=tuple(map(_tried, expect_list(members.get("tried", [])))),
    )


def _tried(given: dict[str, Any]) -> Tried:
    error = given["error"]
    failure = Failure(
        code=text(error["code"]),
        message=text(error["message"]),
        retryable=bool(error["retryable"]),
    )
    return Tried(parser=text(given["parser"]), failure=failure)


def _safe(text: str) -> str:
    """Make a parser's name or version a key segment; different texts stay different."""
    if text and not _UNSAFE.search(text) and text.strip("."):
        return text
    return _UNSAFE.sub("_", text) + "~" + hashlib.sha256(text.encode()).hexdigest()[:8]
