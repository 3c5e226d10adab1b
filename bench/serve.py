"""Lists of `parsekit serve` at 1 000, 10 000 and 100 000 replays, and a group of 200.

Each call is one of HTTP to a server in this process, on SQLite and on PostgreSQL where that is
installed. Replays are rows that nobody uploaded: six players each, of whom one is in every seventh,
all of them with the body of one match. Shown is the 95th percentile of the calls of each kind, in
milliseconds, on one connection that is kept.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import insert, text

from bench.data import body_of_a_match
from bench.promises import promise
from devkit.servers.postgresql import find_postgresql, postgresql
from parsekit import JsonObject, Outcome, Page, Session, open_session
from parsekit.errors import ConfigInvalid
from parsekit_server.access import Role
from parsekit_server.asgi.app import application
from parsekit_server.asgi.serving import make_server
from parsekit_server.catalogue.compressed import packed
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.schema import body, player, replay, replay_group
from parsekit_server.facts import facts_of
from parsekit_server.site import ReplaySite, open_catalogue, open_site
from parsekit_server.tokens import digest

SIZES = (1_000, 10_000, 100_000)
GROUP = 200
CALLS = 40
#: Milliseconds, at the 95th percentile.
LIST_MS, GROUP_MS = 100, 300
_ROWS_AT_ONCE = 2_000
_FIRST_US, _MINUTE_US = 1_700_000_000_000_000, 60_000_000
_TOKEN = "of the benchmark"  # noqa: S105  (of a catalogue that is thrown away)
#: Kinds of lists, by what is asked; the cursor of ``deep`` is added.
LISTS = {
    "all": "",
    "deep": "",
    "by date": "sort-by=replay-date",
    "title": "title=match 77",
    "name of many": "player-name=Everywhere",
    "name of few": "player-name=Player 77",
    "id of many": "player-id=steam:everywhere",
    "id of many, by date": "player-id=steam:everywhere&sort-by=replay-date",
    "id of two": "player-id=steam:everywhere&player-id=steam:77",
    "wins of many": "player-id=steam:everywhere&match-result=win",
    "many, one season": "player-id=steam:everywhere&season=f13",
    "playlist": "playlist=ranked-duels",
    "season": "season=f13",
    "map": "map=park_p",
    "pro": "pro=true",
    "rank": "min-rank=champion-1&max-rank=champion-3",
    "wins of recorders": "match-result=win",
    "uploader": "uploader=1",
    "dates": "created-after=2023-11-15T00:00:00Z&created-before=2023-11-15T06:00:00Z",
    "group": "group=season-1",
}


@dataclass
class NoParsing:
    """A parser that is never asked."""

    session: Session
    slots: int = 1
    remote: bool = True

    def begin_page(self) -> Page:
        raise ConfigInvalid("no page")

    def parse(self, path: Path, **_: Any) -> Outcome:
        raise AssertionError(path)

    def delete_result(self, key: str) -> None:
        raise AssertionError(key)

    def record(self, caller: str, **_: Any) -> None:
        raise AssertionError(caller)


def main() -> None:
    """Measure on each database."""
    measure("SQLite", None)
    if find_postgresql() is None:
        print("PostgreSQL is not installed: run scripts/postgresql.py")
        return
    with postgresql() as server:
        measure("PostgreSQL", server.schema)


def measure(name: str, schema: Callable[[str], str] | None) -> None:
    """Print a line for each kind of list, with a number for each size."""
    found: dict[str, list[float]] = {kind: [] for kind in (*LISTS, "page of it", "group again")}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder, filled(Path(folder), size, schema) as client:
            for kind, query in LISTS.items():
                found[kind].append(client.p95_ms(f"/replays?{query}", middle=kind == "deep"))
            found["page of it"].append(client.once_ms("/groups/season-1"))
            found["group again"].append(client.p95_ms("/groups/season-1"))
    print(f"{name}, p95 in ms at {', '.join(f'{size:,}' for size in SIZES)} replays")
    for kind in LISTS:
        shown = " ".join(f"{ms:7.1f}" for ms in found[kind])
        promise(f"   {kind}", shown, f"<= {LIST_MS}", kept=found[kind][-1] <= LIST_MS)
    first, again = found["page of it"][-1], found["group again"][-1]
    promise(
        f"   sums of a group of {GROUP}",
        f"{again:.1f}, the first time {first:.0f}",
        f"<= {GROUP_MS}",
        kept=again <= GROUP_MS,
    )


@dataclass
class Client:
    """Calls the API and stops the time."""

    root: str
    session: requests.Session
    middle_us: int

    def p95_ms(self, path: str, *, middle: bool = False) -> float:
        """The 95th percentile of many calls; the first is not counted."""
        if middle:
            path = self._behind_the_middle(path)
        times = [self.once_ms(path) for _ in range(CALLS + 1)]
        return statistics.quantiles(times[1:], n=20)[-1]

    def once_ms(self, path: str) -> float:
        began = time.perf_counter()
        self._get(path)
        return (time.perf_counter() - began) * 1000

    def _behind_the_middle(self, path: str) -> str:
        from parsekit_server.cursor import PageCursor  # noqa: PLC0415  (no public name)

        cursor = PageCursor(sort="created", value=self.middle_us, id="f")
        return f"{path}&after={cursor.to_text()}"

    def _get(self, path: str) -> JsonObject:
        answer = self.session.get(f"{self.root}/api{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        shown: JsonObject = answer.json()
        assert shown.get("list") != [], f"{path} finds nothing"
        return shown


@contextmanager
def filled(folder: Path, size: int, schema: Callable[[str], str] | None) -> Iterator[Client]:
    """A server with so many replays."""
    settings = {} if schema is None else {"database": schema(f"bench{size}")}
    config = folder / "parsekit.json"
    config.write_text(json.dumps({"server": settings}))
    session = open_session(config, data_dir=folder / "data")
    with open_site(NoParsing(session)) as site:
        site.accounts.add_token("bench", Role.UPLOAD, digest(_TOKEN))
        with open_catalogue(session) as database:
            fill(database, size)
        with serving(site) as root, requests.Session() as calls:
            calls.headers["Authorization"] = _TOKEN
            yield Client(root=root, session=calls, middle_us=_FIRST_US + size // 2 * _MINUTE_US)


@contextmanager
def serving(site: ReplaySite) -> Iterator[str]:
    """Answer in a thread; the address."""
    server, listener = make_server(application(site), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def fill(database: Database, size: int) -> None:
    """Add so many replays, a minute apart; the last ones are in a group."""
    made = body_of_a_match()
    kept = {"item": packed(facts_of(made).item), "data": packed(made)}
    chance = random.Random(size)  # noqa: S311  (the same rows each time)
    with database.writing() as connection:
        connection.execute(insert(replay_group).values(_group()))
    for begin in range(0, size, _ROWS_AT_ONCE):
        numbers = range(begin, min(begin + _ROWS_AT_ONCE, size))
        rows = [_replay(number, size, chance) for number in numbers]
        players = [each for row in rows for each in _players(row, chance)]
        with database.writing() as connection:
            connection.execute(insert(replay), rows)
            connection.execute(insert(body), [{"replay_id": row["id"], **kept} for row in rows])
            connection.execute(insert(player), players)
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))  # PostgreSQL does so by itself, a minute later


def _group() -> dict[str, Any]:
    return {
        "id": "season-1",
        "name": "Season",
        "name_folded": "season",
        "creator_id": 1,
        "path": "season-1/",
        "player_identification": "by-id",
        "team_identification": "by-distinct-players",
        "shared": True,
        "open_to_all": True,
        "created_us": _FIRST_US,
    }


def _replay(number: int, size: int, chance: random.Random) -> dict[str, Any]:
    moment_us = _FIRST_US + number * _MINUTE_US
    tier = chance.randrange(1, 23)
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128))),
        "uploader_id": 1,
        "group_id": "season-1" if number >= size - GROUP else None,
        "visibility": "public",
        "created_us": moment_us,
        "date_us": moment_us - chance.randrange(10_000) * _MINUTE_US,
        "title": f"Match {number}",
        "title_folded": f"match {number}",
        "titled": False,
        "sha256": f"{number:064x}",
        "size_bytes": 1,
        "match_guid": f"{number:032X}",
        "status": "ok",
        "starts": 0,
        "tries": 0,
        "playlist": chance.choice(("ranked-duels", "ranked-doubles", "ranked-standard", "private")),
        "season": f"f{chance.randrange(1, 15)}",
        "map_code": chance.choice(("stadium_p", "park_p", "eurostadium_p", "beach_p")),
        "min_tier": tier,
        "max_tier": min(tier + 1, 22),
        "pro": number % 50 == 0,
        "recorder_won": chance.random() < 0.5,
    }


def _players(row: dict[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    moments = {name: row[name] for name in ("created_us", "date_us")}
    numbers = chance.sample(range(5_000), 6)
    for place, number in enumerate(numbers):
        many = place == 0 and (number % 7 == 0 or row["pro"])
        yield {
            "replay_id": row["id"],
            "place": place,
            "account": "steam:everywhere" if many else f"steam:{number % 500}",
            "name_folded": "everywhere" if many else f"player {number % 500}",
            "won": place < 3,
            **moments,
        }


if __name__ == "__main__":
    main()
