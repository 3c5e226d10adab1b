"""Statistics for uploaded replays: from the local parser where it is installed, else made up.

A made-up body has the fields of a real one and numbers that keep the relations which hold in
every real body (a team's numbers are sums over its players, and so on); it is drawn from the
content's hash, so that the same file always gives the same match.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from parsekit import JsonObject, parse
from parsekit.errors import ConfigInvalid

log = logging.getLogger("parsekit.ballchasing.simulator")

#: What every replay file has near its start; anything else is no replay to the local parser.
_SIGNATURE = b"TAGame.Replay_Soccar_TA"
_HEADER_BYTES = 4096
#: Replays that are parsed at once: workers under test want the cores, too.
PARSES = 2


class BodyMaker:
    """Makes the part of a body that comes from the file.

    The local parser takes a moment, so replays are parsed while they are pending, as on the site.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(PARSES, thread_name_prefix="sandbox-parse")

    def begin(self, content: bytes) -> Future[JsonObject | None]:
        """Have `make` called; what is only made up is there at once."""
        if _is_replay(content):
            return self._threads.submit(self.make, content)
        made: Future[JsonObject | None] = Future()
        made.set_result(self.make(content))
        return made

    def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def make(self, content: bytes) -> JsonObject | None:
        """The statistics, or None for a replay that can't be parsed."""
        if not _is_replay(content):
            return made_up(content)
        try:
            return _parsed(content)
        except ConfigInvalid:
            log.warning("parsekit-local is not installed; statistics are made up")
            return made_up(content)


def _is_replay(content: bytes) -> bool:
    return _SIGNATURE in content[:_HEADER_BYTES]


def _parsed(content: bytes) -> JsonObject | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload.replay"
        path.write_bytes(content)
        config = Path(folder) / "parsekit.json"
        config.write_text(json.dumps({"folder": {"path": folder}}), encoding="utf-8")
        return parse(path, parser="local", config=config, disable_cache=True).data


def made_up(content: bytes) -> JsonObject:
    """A match that never was, the same for the same content."""
    digest = hashlib.sha256(content).hexdigest()
    dice = random.Random(digest)  # noqa: S311  (repeatable, guards nothing)
    blue, orange = ([_core(dice) for _ in range(2)] for _ in range(2))
    return {
        "rocket_league_id": digest[:32].upper(),
        "match_guid": digest[32:].upper(),
        "map_code": "park_night_p",
        "map_name": "Beckwith Park (Midnight)",
        "match_type": "Online",
        "team_size": 2,
        "playlist_id": "unranked-doubles",
        "playlist_name": "Unranked Doubles",
        "duration": 330,
        "overtime": False,
        "season": 21,
        "season_type": "free2play",
        "date": "2026-03-10T20:00:00+01:00",
        "date_has_timezone": True,
        "server": {"name": "EU0-Sandbox", "region": "EU"},
        "blue": _team("blue", blue, orange),
        "orange": _team("orange", orange, blue),
    }


def _core(dice: random.Random) -> JsonObject:
    goals = dice.randint(0, 3)
    shots = goals + dice.randint(0, 4)
    return {
        "shots": shots,
        "goals": goals,
        "saves": dice.randint(0, 3),
        "assists": dice.randint(0, 2),
        "score": 100 * goals + 20 * shots,
        "mvp": False,
        "shooting_percentage": 100 * goals / shots if shots else 0,
    }


def _team(color: str, cores: list[JsonObject], others: list[JsonObject]) -> JsonObject:
    against = {
        "shots_against": sum(core["shots"] for core in others),
        "goals_against": sum(core["goals"] for core in others),
    }
    total = {
        key: sum(core[key] for core in cores)
        for key in ("shots", "goals", "saves", "assists", "score")
    }
    percentage = 100 * total["goals"] / total["shots"] if total["shots"] else 0
    return {
        "color": color,
        "players": [_player(color, n, {**core, **against}) for n, core in enumerate(cores)],
        "stats": {"core": {**total, **against, "shooting_percentage": percentage}},
    }


def _player(color: str, number: int, core: JsonObject) -> JsonObject:
    return {
        "start_time": 0,
        "end_time": 330.5,
        "name": f"{color}-{number}",
        "id": {"platform": "epic", "id": f"sandbox-{color}-{number}"},
        "car_id": 23,
        "car_name": "Octane",
        "camera": {
            "fov": 110,
            "height": 100,
            "pitch": -4,
            "distance": 270,
            "stiffness": 0.5,
            "swivel_speed": 5,
            "transition_speed": 1.2,
        },
        "steering_sensitivity": 1,
        "stats": {"core": core, "demo": {"inflicted": 0, "taken": 0}},
    }
