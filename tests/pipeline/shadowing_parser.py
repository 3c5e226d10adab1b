"""A local parser for the tests of shadows; a child process imports it."""

from __future__ import annotations

import time

from parsekit import Job, Parsed, ProviderContext, Replay


class Slow:
    """A local parser that reads its replay, and takes its time when the name asks for it."""

    def __init__(self, context: ProviderContext) -> None:
        del context

    def parse(self, replay: Replay, job: Job) -> Parsed:
        size_bytes = len(replay.path.read_bytes())
        time.sleep(60 if "slow" in replay.name else 0)
        return Parsed(data={"bytes": size_bytes})
