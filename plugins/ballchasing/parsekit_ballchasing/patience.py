"""When to look whether a replay is ready: late enough to look once, soon enough not to dawdle."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from parsekit import JsonObject
from parsekit_ballchasing.ledger.store import Store

#: Share of the recent replays that the first look is to find ready.
AIM = 0.85
#: Until we know better: people report 10 to 60 s.
FIRST_GUESS_S = 30.0
#: Bounds of the first look, and the longest distance between looks, seconds.
SHORTEST_S, LONGEST_S = 2.0, 300.0
LONGEST_GAP_S = 60.0
#: How far one replay moves the estimate, as a part of it.
STEP = 0.1
#: Looks are spread by this part, so that replays uploaded together don't come back together.
SPREAD = 0.1

_DOCUMENT = "patience"


class Patience:
    """Follows the time within which `AIM` of the recent replays are ready, for all workers.

    A look tells only whether a replay was ready by then, not since when. So the estimate grows by
    a step of `AIM` for each replay that was not, and shrinks by a step of ``1 - AIM`` for each
    that was: it rests where these balance, which is the quantile `AIM` of the processing times.
    """

    def __init__(self, store: Store, *, spread: Callable[[], float] = random.random) -> None:
        self._store = store
        self._spread = spread

    def first_look_s(self) -> float:
        """Seconds from the upload to the first look."""
        return self._estimate_s(self._store.read(_DOCUMENT)) * self._jitter()

    def next_look_s(self, waited_s: float) -> float:
        """Seconds to the next look at a replay that is not ready after ``waited_s``."""
        gap_s = min(max(waited_s / 2, SHORTEST_S), LONGEST_GAP_S)
        return gap_s * self._jitter()

    def learn(self, waited_s: float, *, ready: bool) -> None:
        """Take the result of a first look, unless it came at a time that tells nothing."""
        known = self._estimate_s(self._store.read(_DOCUMENT))
        tells = waited_s < 1.5 * known if ready else waited_s > known / 1.5
        if tells:
            self._store.change(_DOCUMENT, lambda document: self._moved(document, ready=ready))

    def _moved(self, document: JsonObject, *, ready: bool) -> JsonObject:
        step = -STEP * (1 - AIM) if ready else STEP * AIM
        moved_s = self._estimate_s(document) * math.exp(step)
        return {"first_look_s": min(max(moved_s, SHORTEST_S), LONGEST_S)}

    def _estimate_s(self, document: JsonObject) -> float:
        return float(document.get("first_look_s", FIRST_GUESS_S))

    def _jitter(self) -> float:
        return 1 + SPREAD * (2 * self._spread() - 1)
