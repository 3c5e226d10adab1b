"""A second parser, near the stub: a name with ``late`` takes long, one with ``doubtful`` fails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from parsekit_stub import match

from parsekit import Job, Parsed, ParserEntry, ProviderContext, Replay, hookimpl
from parsekit.errors import ParserFailed


class SecondParser:
    def __init__(self, context: ProviderContext) -> None:
        del context

    def parse(self, replay: Replay, job: Job) -> Parsed:
        name = Path(replay.name).name
        if "doubtful" in name:
            raise ParserFailed("the second has its doubts")
        time.sleep(100 if "late" in name else 0)
        data = match(title=Path(name).stem, hostile="hostile" in name)
        data["blue"]["players"][0]["stats"]["boost"]["bpm"] = 410
        return Parsed(data=data)


@hookimpl
def parsekit_register_parsers(register: Any) -> None:
    register(ParserEntry(name="second", version="2.0", create="parsekit_second:SecondParser"))
