"""Tokens that were typed into the form for signing in and are wrong: slowed, by address.

A token has 240 random bits and can't be guessed; this keeps who tries all the same from costing
anybody else something. A right token is answered at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from parsekit_server.errors import Busy

_DELAY_S = 1.0
#: Tries of one address at once; more are refused before anybody looks at them.
_AT_ONCE = 4


class Guesses:
    """Tries that are under way."""

    def __init__(self) -> None:
        self._trying: Counter[str] = Counter()

    @contextmanager
    def trying(self, address: str) -> Iterator[None]:
        """Count a try of this address until it ends. Raises `Busy`."""
        if self._trying[address] >= _AT_ONCE:
            raise Busy("too many try to sign in from this address; wait a moment")
        self._trying[address] += 1
        try:
            yield
        finally:
            self._trying[address] -= 1
            if not self._trying[address]:
                del self._trying[address]

    async def delay(self) -> None:
        """Wait, as a try was wrong."""
        await asyncio.sleep(_DELAY_S)
