"""Stops all workers at once when the token is refused or the API is down."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from parsekit import JsonObject
from parsekit.errors import ParsekitError, RemoteUnavailable, Unauthorized
from parsekit_ballchasing.rate_limit.store import Store

#: Failed calls in a row, of all workers together, after which the API counts as down.
FAILURES = 8
#: How long nobody calls an API that is down, and with a token that was refused, seconds.
DOWN_S, REFUSED_S = 30.0, 60.0
#: The one call that tries whether all is well again has this long, seconds.
PROBE_S = 90.0
#: First and longest pause after refusals that don't say how long to wait, seconds.
FIRST_OPEN_S, LONGEST_OPEN_S = 2.0, 64.0

_DOCUMENT = "breaker"


class Breaker:
    """Knows, for all workers, how the API answered last."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def check(self) -> None:
        """Raise `Unauthorized` or `RemoteUnavailable` while nobody may call."""
        document = self._store.read(_DOCUMENT)
        if self._is_shut(document):
            raise self._error(document)

    def enter(self) -> None:
        """Pass, or be the one that tries; raises like `check` for the others."""
        document = self._store.read(_DOCUMENT)
        if "why" not in document:
            return
        me = uuid.uuid4().hex

        def claim(document: JsonObject) -> JsonObject:
            if "why" not in document or self._is_shut(document):
                return document
            return {**document, "probe": me, "until": self._clock() + PROBE_S}

        document = self._store.change(_DOCUMENT, claim)
        if "why" in document and document.get("probe") != me:
            raise self._error(document)

    def well(self) -> None:
        """The API answered as it should."""
        if self._store.read(_DOCUMENT):
            self._store.change(_DOCUMENT, lambda _: {})

    def unauthorized(self) -> None:
        """The API refused the token: nobody needs to ask again soon."""
        until = self._clock() + REFUSED_S
        self._store.change(_DOCUMENT, lambda _: {"why": "unauthorized", "until": until})

    def failed(self) -> None:
        """The API did not answer, or with a fault of its own."""
        self._store.change(_DOCUMENT, self._one_more_failure)

    def refused(self) -> float:
        """The API refused without saying for how long. Answers the pause, longer every time.

        It is alive then, so whatever stopped the calls before does so no longer.
        """
        document = self._store.change(
            _DOCUMENT, lambda document: {"refusals": document.get("refusals", 0) + 1}
        )
        doublings = min(int(document["refusals"]) - 1, 10)
        return min(FIRST_OPEN_S * 2.0**doublings, LONGEST_OPEN_S)

    def _one_more_failure(self, document: JsonObject) -> JsonObject:
        failures = document.get("failures", 0) + 1
        changed = {**document, "failures": failures}
        changed.pop("probe", None)
        if failures >= FAILURES:
            changed |= {"why": "down", "until": self._clock() + DOWN_S}
        return changed

    def _is_shut(self, document: JsonObject) -> bool:
        return "why" in document and self._clock() < document["until"]

    def _error(self, document: JsonObject) -> ParsekitError:
        seconds = max(1, round(document["until"] - self._clock()))
        if document["why"] == "unauthorized":
            return Unauthorized(
                "ballchasing refused the token; correct the file that ballchasing.token_file "
                f"names; the next try is in {seconds} s"
            )
        return RemoteUnavailable(
            f"ballchasing failed {document.get('failures', FAILURES)} times in a row; "
            f"the next try is in {seconds} s"
        )
