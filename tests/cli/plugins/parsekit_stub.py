"""A parser without a library behind it, steered by the names of the replays that it gets.

A name with ``slow`` takes ``slow_s`` seconds; one with ``refused`` can't be parsed; one with
``raising`` finds a fault of the parser's own, one with ``nan`` data that are no JSON; one with
``hostile`` has a player whose name attacks terminals and spreadsheets; one with ``odd`` has data of
no shape at all. A listener of the same name adds a line to the file ``log`` of section `stub` for
each parse that has begun; with ``$STUB_DEAF`` in the environment it fails.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel

from parsekit import (
    Job,
    Parsed,
    ParserEntry,
    ProgressEvent,
    ProviderContext,
    Replay,
    Session,
    hookimpl,
)
from parsekit.errors import ParserFailed

PRETENDING = "Pretending to parse"
HOSTILE = '=HYPERLINK("x")\x1b[2J\x9b\r\n\u202e'


class StubSettings(BaseModel):
    slow_s: float = 60.0
    log: str | None = None


class StubParser:
    def __init__(self, context: ProviderContext) -> None:
        self._settings: StubSettings = context.settings

    def parse(self, replay: Replay, job: Job) -> Parsed:
        job.progress(50, PRETENDING)
        name = Path(replay.name).name
        if "slow" in name:
            time.sleep(self._settings.slow_s)
        if "raising" in name:
            raise ValueError("oops")
        if "nan" in name:
            return Parsed(data={"blue": {"stats": [{"x": float("nan")}]}})
        if "refused" in name:
            raise ParserFailed("the stub does not like this name")
        if "odd" in name:
            return Parsed(data={"blue": [1, 2], "duration": "long", "orange": {"players": 3}})
        return Parsed(data=match(title=Path(name).stem, hostile="hostile" in name))


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


_log: list[TextIO] = []


@hookimpl
def parsekit_open(session: Session) -> None:
    if log := session.config.section(StubSettings).log:
        _log.append(Path(log).open("a", 1, errors="backslashreplace"))  # noqa: SIM115


@hookimpl
def parsekit_progress(event: ProgressEvent) -> None:
    if event.message == PRETENDING:
        for file in _log:
            file.write(f"begin {event.replay}\n")


@hookimpl
def parsekit_close() -> None:
    while _log:
        _log.pop().close()


@hookimpl
def parsekit_analytics(event: Any) -> None:
    if "STUB_DEAF" in os.environ:
        raise LookupError("the stub is deaf")


def offer(port: int = 1) -> None:
    """Offer something."""
    print(f"offering on {port}")  # noqa: T201


def add_token(name: str, config: Path | None = None) -> None:
    """Add a token."""
    print(f"token for {name} by {config}")  # noqa: T201


def greet(name: str, loud: bool = False) -> None:
    """Greet somebody."""
    print(f"hello {name}".upper() if loud else f"hello {name}")  # noqa: T201
