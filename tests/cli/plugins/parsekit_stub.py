"""A parser without a library behind it, steered by the names of the replays that it gets.

A name with ``slow`` takes ``slow_s`` seconds; one with ``refused`` can't be parsed; one with
``hostile`` has a player whose name attacks terminals and spreadsheets; one with ``odd`` has data of
no shape at all. Each parse adds lines to the file ``log`` of section `stub`. With ``$STUB_DEAF`` in
the environment its listener fails.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from parsekit import Job, Parsed, ParserEntry, ProviderContext, Replay, hookimpl
from parsekit.errors import ParserFailed

HOSTILE = '=HYPERLINK("x")\x1b[2J\x9b\r\n\u202e'


class StubSettings(BaseModel):
    slow_s: float = 60.0
    log: str | None = None


class StubParser:
    def __init__(self, context: ProviderContext) -> None:
        self._settings: StubSettings = context.settings
        self._log = None
        if self._settings.log:  # nothing can be opened any more once a replay is at hand
            log = Path(self._settings.log)
            self._log = log.open("a", 1, errors="backslashreplace")

    def parse(self, replay: Replay, job: Job) -> Parsed:
        job.progress(50, "Pretending to parse")
        self._note(f"begin {replay.name}")
        name = Path(replay.name).name
        if "slow" in name:
            time.sleep(self._settings.slow_s)
        if "refused" in name:
            raise ParserFailed("the stub does not like this name")
        self._note(f"end {replay.name}")
        if "odd" in name:
            return Parsed(data={"blue": [1, 2], "duration": "long", "orange": {"players": 3}})
        return Parsed(data=match(title=Path(name).stem, hostile="hostile" in name))

    def _note(self, line: str) -> None:
        if self._log is not None:
            self._log.write(line + "\n")


def match(title: str, *, hostile: bool) -> dict[str, Any]:
    evil = HOSTILE if hostile else "Ada"
    return {
        "title": title,
        "map_name": "Test Park",
        "playlist_name": "Ranked Doubles",
        "date": "2026-03-10T18:55:49Z",
        "duration": 340,
        "overtime": True,
        "blue": {"players": [player(evil, 2), player("Grace", 1)]},
        "orange": {"name": "Visitors", "players": [player("Linus", 1)]},
    }


def player(name: str, goals: int) -> dict[str, Any]:
    return {
        "name": name,
        "id": {"platform": "steam", "id": "1"},
        "stats": {
            "core": {"goals": goals, "assists": 0, "saves": 2, "shots": 3, "score": 100 * goals},
            "boost": {"bpm": 401.5},
            "movement": {"avg_speed": 1480},
        },
    }


@hookimpl
def parsekit_register_parsers(register: Any) -> None:
    register(
        ParserEntry(
            name="stub", version="1.0", create="parsekit_stub:StubParser", settings=StubSettings
        )
    )


@hookimpl
def parsekit_analytics(event: Any) -> None:
    if "STUB_DEAF" in os.environ:
        raise LookupError("the stub is deaf")


def greet(name: str, loud: bool = False) -> None:
    """Greet somebody."""
    print(f"hello {name}".upper() if loud else f"hello {name}")  # noqa: T201
