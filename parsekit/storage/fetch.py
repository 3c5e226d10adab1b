"""Fetch a replay into a folder of our own and check that it is whole before any parser sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parsekit.clock import Clock
from parsekit.logs.steps import Step
from parsekit.model import Replay
from parsekit.replay import check_envelope
from parsekit.storage.sources import Source, sha256_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A checked replay, and the milliseconds that its transfer took.

    ``etag`` is its fingerprint by the ETag that came with it, None where none did.
    """

    replay: Replay
    etag: str | None
    get_ms: int

    def is_of(self, fingerprint: str | None) -> bool:
        """Whether this is what was looked up under the fingerprint; None: nothing was."""
        return fingerprint in (None, self.etag, self.replay.sha256)


def fetch(source: Source, name: str, folder: Path, *, max_bytes: int, clock: Clock) -> Fetched:
    """Copy, check and hash.

    Raises what `Source.fetch` raises, and `InvalidReplay` for a file that is damaged or no replay.
    """
    path = folder / "fetched.replay"
    began = clock.ticks()
    with Step("fetch"):
        etag = source.fetch(path, max_bytes)
    get_ms = clock.ms_since(began)
    with Step("check"):
        size = check_envelope(path, max_bytes=max_bytes).size_bytes
    replay = Replay(path=path, name=name, sha256=sha256_of(path), size_bytes=size)
    return Fetched(replay=replay, etag=etag, get_ms=get_ms)
