"""What is known of how long the site takes for a replay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from parsekit import JsonObject

#: Until something was learned: people report 10 to 60 s.
REPORTED_S = (10.0, 60.0)
#: That counts for so many replays.
REPORTED_WEIGHT = 0.2
#: What is never taken for impossible, so that times which change are learned anew.
DOUBT = 0.1
#: The part of all knowledge that a replay is, once many were seen.
LEAST_WEIGHT = 0.08

#: Times are told apart by ranges, each longer than the one before by the same part of it.
_EDGES_S = (0.0, *(0.5 * 1.12**n for n in range(68)))
_RANGES_S = tuple(pairwise(_EDGES_S))

Shares = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ReadyTimes:
    """How the times from upload to ready are distributed, as learned from ``replays`` of them.

    ``shares`` is the part of all replays in each range of times. A look tells only whether a replay
    is ready, so its time is known as a span: from the last look at which it was pending to the one
    at which it was ready. It is spread over that span as the replays before it were, so that many
    wide spans tell as much as a few narrow ones (EM for censored times, a step a replay).
    """

    shares: Shares
    replays: int = 0

    @classmethod
    def reported(cls) -> ReadyTimes:
        """What is known before anything was learned."""
        return cls(_mixed(_scaled(_overlaps(*REPORTED_S)), _scaled([1.0] * len(_RANGES_S)), DOUBT))

    def with_replay(self, pending_s: float, ready_s: float = math.inf) -> ReadyTimes:
        """Learn that a replay was pending at one age, and ready at the other if that is known."""
        if not pending_s < ready_s:  # nor with a NaN among them
            return self
        parts = _overlaps(pending_s, ready_s)
        believed = [share * part for share, part in zip(self.shares, parts, strict=True)]
        if not any(believed):
            return self
        news = _mixed(_scaled(believed), _scaled(parts), DOUBT)
        weight = max(1.0 / (self.replays + 1 + REPORTED_WEIGHT), LEAST_WEIGHT)
        return ReadyTimes(_mixed(self.shares, news, weight), self.replays + 1)

    def age_s(self, share: float) -> float:
        """The age at which this part of all replays is ready."""
        left = share
        for (low_s, high_s), part in zip(_RANGES_S, self.shares, strict=True):
            if left < part:
                return low_s + (high_s - low_s) * left / part
            left -= part
        return _EDGES_S[-1]

    @classmethod
    def from_json(cls, document: JsonObject) -> ReadyTimes:
        """Take what was kept; nothing is known where that makes no sense."""
        match document:
            case {"shares": [*shares], "replays": int() as replays} if (
                _are_shares(shares) and replays >= 0
            ):
                return cls(_scaled(shares), replays)
        return cls.reported()

    def to_json(self) -> JsonObject:
        """The form that `from_json` understands."""
        return {"shares": [round(share, 6) for share in self.shares], "replays": self.replays}


def _overlaps(low_s: float, high_s: float) -> list[float]:
    """The part of each range that lies in a span."""
    return [
        max(min(high_s, end) - max(low_s, begin), 0.0) / (end - begin) for begin, end in _RANGES_S
    ]


def _scaled(parts: Sequence[float]) -> Shares:
    whole = math.fsum(parts)
    return tuple(part / whole for part in parts)


def _mixed(old: Shares, new: Shares, weight: float) -> Shares:
    return tuple((1.0 - weight) * a + weight * b for a, b in zip(old, new, strict=True))


def _are_shares(found: list[Any]) -> bool:
    plausible = all(isinstance(part, int | float) and 0.0 <= part <= 1.0 for part in found)
    return plausible and len(found) == len(_RANGES_S) and any(found)
