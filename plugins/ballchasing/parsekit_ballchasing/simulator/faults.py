"""Faults on demand: the next calls, or a share of all calls, go wrong in a chosen way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from parsekit import JsonObject
from parsekit_ballchasing.simulator.exchange import Reply, failure
from parsekit_ballchasing.simulator.refusals import announce, refusal
from parsekit_ballchasing.simulator.site import Site

FaultKind = Literal[
    "429",
    "429-seconds",
    "429-date",
    "401",
    "403",
    "400",
    "500",
    "502-html",
    "503-seconds",
    "reset",
    "truncated",
    "truncated-json",
    "hang",
    "huge",
    "garbage",
    "redirect",
]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
#: What happens to one call in five on a bad day.
CHAOS: tuple[FaultKind, ...] = (
    *("429", "429-seconds", "429-date", "500", "502-html", "503-seconds"),
    *("reset", "truncated", "truncated-json", "hang"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``after`` lets the call do its work first, so that only the answer is lost.

    ``seconds`` is what is announced, or how long it hangs.
    """

    kind: FaultKind
    endpoint: str = ""
    after: bool = False
    seconds: float = 5.0

    @classmethod
    def read(cls, raw: JsonObject) -> Fault:
        """From the control endpoint. Raises ValueError for an unknown kind."""
        if raw.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        return cls(**raw)

    def concerns(self, endpoint: str) -> bool:
        """Whether a call to this endpoint may meet it; "" concerns all."""
        return self.endpoint in ("", endpoint)


@dataclass(slots=True)
class Faults:
    """``scripted`` ones come first, in order; then ``rate`` of all calls meet one of ``kinds``."""

    scripted: list[Fault] = field(default_factory=list)
    rate: float = 0.0
    kinds: tuple[FaultKind, ...] = CHAOS
    seconds: float = 5.0
    hang_s: float = 60.0
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    def next(self, endpoint: str) -> Fault | None:
        """The fault that this call meets."""
        for index, fault in enumerate(self.scripted):
            if fault.concerns(endpoint):
                return self.scripted.pop(index)
        if self.dice.random() >= self.rate:
            return None
        kind = self.dice.choice(self.kinds)
        seconds = self.hang_s if kind == "hang" else self.seconds
        return Fault(kind=kind, after=self.dice.choice((True, False)), seconds=seconds)


def faulty(site: Site, fault: Fault, token: str, reply: Reply) -> Reply:
    """The answer to a call that meets a fault; the wire's own faults come when it is sent."""
    make = _ANSWERS.get(fault.kind)
    return reply if make is None else make(site, token, fault.seconds)


def _refusal(form: str) -> Callable[[Site, str, float], Reply]:
    return lambda site, token, seconds: refusal(site, token, seconds, "too many requests", form)


def _failure(status: int, error: str) -> Callable[[Site, str, float], Reply]:
    return lambda *_: failure(status, error)


def _maintenance(site: Site, token: str, seconds: float) -> Reply:
    announce(site, token, seconds)
    return failure(503, "maintenance", {"Retry-After": str(int(seconds))})


def _always(reply: Reply) -> Callable[[Site, str, float], Reply]:
    return lambda *_: reply


_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_ANSWERS: dict[FaultKind, Callable[[Site, str, float], Reply]] = {
    "429": _refusal("none"),
    "429-seconds": _refusal("seconds"),
    "429-date": _refusal("date"),
    "400": _failure(400, '"file" not a .replay file'),
    "401": _failure(401, "invalid API key"),
    "403": _failure(403, "forbidden"),
    "500": _failure(500, "ballchasing.com fault. reason here"),
    "502-html": _always(Reply(502, _HTML, {"Content-Type": "text/html"})),
    "503-seconds": _maintenance,
    "garbage": _always(Reply(200, b"\x00\xff{]")),
    "redirect": _always(Reply(302, None, {"Location": "http://elsewhere.invalid/api"})),
}
