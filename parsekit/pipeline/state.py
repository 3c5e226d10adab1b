"""What one task has learned so far: small, JSON, and enough to go on in any process."""

from __future__ import annotations

import base64
import dataclasses
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parsekit.errors import BadRequest
from parsekit.model import Failure, JsonObject, Tried
from parsekit.storage.untrusted import MAX_NUMBER

#: A decoded result in a message may have this many bytes, so that a message can't be a bomb.
_MAX_UNPACKED_BYTES = 64 * 1024 * 1024
_ALL = 100

_NUMBER = (int, float)
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("started_unix", "parse_began_unix", "joined_unix", "progress"), _NUMBER),
    **dict.fromkeys(("parser_index", "parse_failures", "storage_failures", "size_bytes"), int),
    **dict.fromkeys(("get_ms", "parse_ms"), int),
    **dict.fromkeys(("step", "fingerprint", "sha256"), str),
    "tried": tuple,
    "ticket": Mapping,
    "needs_replay": bool,
    "parsed": bytes,
}
_TRIED_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("parser", "code", "message"), str),
    "retryable": bool,
    "retry_after_s": (int, float, type(None)),
}
_MAY_BE_UNKNOWN = frozenset(
    ("get_ms", "parse_ms", "parse_began_unix", "fingerprint", "ticket", "parsed", "joined_unix")
)
#: A fingerprint is part of an object's key.
_NAMES = {
    "step": re.compile(r"[a-z ]{0,20}"),
    "fingerprint": re.compile(r"[0-9A-Za-z-]{1,200}"),
    "sha256": re.compile(r"[0-9A-Za-z]{0,128}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """Where a task stands between two runs.

    ``parse_failures`` and ``storage_failures`` count failed attempts in a row; ``step`` is where
    the last run came to; ``progress`` is the last percentage; ``get_ms`` and ``parse_ms`` are
    what the steps took so far. ``ticket`` is the parser's.
    ``parsed`` is a result document that is not stored yet, as the storage was away.
    ``joined_unix`` is when the task began to wait for another that parses the same replay.
    """

    started_unix: float
    parser_index: int = 0
    tried: tuple[Tried, ...] = ()
    step: str = ""
    parse_failures: int = 0
    storage_failures: int = 0
    progress: float = 0.0
    get_ms: int | None = None
    parse_ms: int | None = None
    parse_began_unix: float | None = None
    fingerprint: str | None = None
    sha256: str = ""
    size_bytes: int = 0
    ticket: Mapping[str, Any] | None = None
    needs_replay: bool = False
    parsed: bytes | None = None
    joined_unix: float | None = None

    def replace(self, **changes: Any) -> RunState:
        """The same with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_failure(self) -> RunState:
        """One more failed attempt, of the parser in the step "parse", else of the storage."""
        if self.step == "parse":
            return self.replace(parse_failures=self.parse_failures + 1)
        return self.replace(storage_failures=self.storage_failures + 1)

    def for_next_parser(self, tried: Tried) -> RunState:
        """What stays known when another parser takes over: the content, not the ticket."""
        return self.replace(
            parser_index=self.parser_index + 1,
            tried=(*self.tried, tried),
            step="",
            parse_failures=0,
            parse_began_unix=None,
            ticket=None,
            needs_replay=False,
            joined_unix=None,
        )

    def for_other_content(self) -> RunState:
        """What stays known when the object holds something else by now: only the task's history."""
        return self.replace(
            step="",
            fingerprint=None,
            sha256="",
            get_ms=None,
            parse_ms=None,
            parse_began_unix=None,
            ticket=None,
            needs_replay=False,
            parsed=None,
            joined_unix=None,
        )

    def to_json(self) -> JsonObject:
        """Small JSON; fields that stand at their default are left out."""
        out: JsonObject = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                out[field.name] = _plain(value)
        return out

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> RunState:
        """Read what `to_json` wrote. Raises `BadRequest` for anything else."""
        try:
            values = dict(state)
            values["tried"] = tuple(_tried(item) for item in _listed(values.get("tried", ())))
            if (packed := values.get("parsed")) is not None:
                values["parsed"] = _unpack(packed)
            read = cls(**values)
            for field in dataclasses.fields(cls):
                _check(field.name, getattr(read, field.name))
            _check_progress(read)
            return read
        except (TypeError, ValueError, KeyError, AttributeError, zlib.error) as exc:
            raise BadRequest(f"the state of a waiting task can't be read: {exc}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The task goes on later: call `Pipeline.run` again with ``state`` in ``after_s`` seconds.

    ``state`` is `RunState` as small JSON, enough for any worker on any machine.
    """

    state: Mapping[str, Any]
    after_s: float
    reason: str


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(zlib.compress(value)).decode()
    if isinstance(value, tuple):
        return [{"parser": t.parser, **dataclasses.asdict(t.failure)} for t in value]
    return dict(value) if isinstance(value, Mapping) else value


def _listed(items: Any) -> Sequence[Any]:
    if not isinstance(items, list | tuple):
        raise TypeError("tried is no list")
    return items


def _check(name: str, value: Any) -> None:
    """Refuse a field that no run of ours has written: messages come from whoever has the broker."""
    if name in _MAY_BE_UNKNOWN and value is None:
        return
    if not isinstance(value, _KINDS[name]) or (isinstance(value, bool) and name != "needs_replay"):
        raise TypeError(f"{name} is of another type")
    if isinstance(value, int | float) and not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{name} is {value}")
    if name in _NAMES and not _NAMES[name].fullmatch(str(value)):
        raise ValueError(f"{name} is no such name")


def _check_progress(state: RunState) -> None:
    """Refuse what does not fit together."""
    if state.progress > _ALL:
        raise ValueError(f"progress is {state.progress}")
    if state.parser_index != len(state.tried):
        raise ValueError(
            f"{len(state.tried)} parsers were tried before number {state.parser_index}"
        )


def _tried(item: Mapping[str, Any]) -> Tried:
    facts = dict(item)
    tried = Tried(parser=facts.pop("parser"), failure=Failure(**facts))
    fields: Mapping[str, Any] = {"parser": tried.parser, **dataclasses.asdict(tried.failure)}
    for name, kinds in _TRIED_KINDS.items():
        if not isinstance(fields[name], kinds):
            raise TypeError(f"{name} of a parser that was tried is of another type")
    return tried


def _unpack(packed: Any) -> bytes:
    if not isinstance(packed, str):
        raise TypeError("parsed is of another type")
    unpacking = zlib.decompressobj()
    body = unpacking.decompress(base64.b64decode(packed, validate=True), _MAX_UNPACKED_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError("it unpacks to more than 64 MiB")
    return body
