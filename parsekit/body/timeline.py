"""What happened in a match and where everybody was: what a parser may answer beside the body.

Who wants it asks (``parsekit.parse(path, timeline=True)``), a parser that can answers
(`Parsed.timeline`); nobody stores it, as it is made again in the time of a parse. It comes from a
confined process: `Timeline.from_json` takes nothing on trust.

Times are seconds of the timeline's own clock, which begins with the recording and leaves out goal
replays. Places are uu (unreal units, about a centimetre) on the game's axes: blue defends y < 0.
Teams are 0 (blue) and 1 (orange), players indices into `Timeline.players`.
"""

from __future__ import annotations

import base64
import math
import re
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

#: How sure an event is: read as the game says it, computed from reports by a rule that leaves no
#: choice, or computed by a rule that can be wrong, as the definition of its kind says.
Confidence = Literal["exact", "computed", "guess"]
#: What a value of an event may be.
EventValue = bool | int | float | str
#: A place, x, y and z.
Point = tuple[float, float, float]

#: Stands in all three coordinates of a tick at which a car or ball is not on the field.
NOWHERE = -(2**15)
#: Stands for a boost that is not known; others are percent, 0 to 100.
NO_BOOST = 255
#: Stands for a scoreboard clock that is not known.
NO_CLOCK = -1

_MAX_EVENTS, _MAX_PLAYERS, _MAX_TICKS, _MAX_VALUES, _MAX_CHARACTERS = 20_000, 256, 200_000, 24, 128
_MAX_TIME_S, _MAX_COORDINATE, _MAX_RATE_HZ = 1e6, 1e6, 120.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePlayer:
    """Who `MatchEvent.player` and `Tracks.cars` are about, as the body names them.

    ``platform`` and ``id`` are those of the body, "" for a bot. ``team`` is None for who never
    was in one.
    """

    name: str
    platform: str = ""
    id: str = ""
    team: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchEvent:
    """Something that happened, as a definition of its parser's tells.

    ``kind`` is a word such as ``goal``. ``time_s`` is None where the replay does not tell when,
    ``end_s`` where it has no length. ``clock_s`` is the scoreboard: seconds left, in ``overtime``
    seconds played. ``other`` is a second player, such as who gave the pass or was demolished.
    ``values`` are what only this kind has.
    """

    kind: str
    time_s: float | None
    end_s: float | None = None
    clock_s: int | None = None
    overtime: bool = False
    team: int | None = None
    player: int | None = None
    other: int | None = None
    position: Point | None = None
    confidence: Confidence = "computed"
    values: Mapping[str, EventValue] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """A row of its fields in their order."""
        return [getattr(self, name) for name in self.__dataclass_fields__]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Where one car or ball was at each tick.

    ``position`` is x, y, z of each tick, 16-bit little-endian integers; `NOWHERE` while it is not
    on the field. ``boost`` is a byte a tick, percent or `NO_BOOST`; empty for a ball.
    """

    position: bytes
    boost: bytes = b""

    def coordinates(self) -> array[int]:
        """``position`` as integers: x, y, z of the first tick, then of the second."""
        return _shorts(self.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """Ball and cars at a fixed rate: tick i is at ``i / rate_hz`` seconds.

    ``cars`` has one track a player, in the order of `Timeline.players`. ``clock`` is the
    scoreboard's seconds at each tick, 16-bit little-endian integers, `NO_CLOCK` where not known.
    """

    rate_hz: float
    ticks: int
    clock: bytes
    ball: Track
    cars: tuple[Track, ...]

    def clock_seconds(self) -> array[int]:
        """``clock`` as integers."""
        return _shorts(self.clock)

    def __post_init__(self) -> None:
        """Raise ValueError where columns are not as long as they must be."""
        if not (0 < self.rate_hz <= _MAX_RATE_HZ and 0 <= self.ticks <= _MAX_TICKS):
            raise ValueError(f"{self.ticks} ticks at {self.rate_hz} Hz")
        boosts = {len(car.boost) for car in self.cars} | {len(self.ball.boost)}
        if len(self.clock) != 2 * self.ticks or not boosts <= {0, self.ticks}:
            raise ValueError("clock or boost of another length than the tracks have ticks")
        if any(len(track.position) != 6 * self.ticks for track in (self.ball, *self.cars)):
            raise ValueError("positions of another length than the tracks have ticks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One match in time.

    ``definitions`` is the version of the rules that ``events`` follow; they come in the order of
    time, those without one first. ``tracks`` is None where the replay has no frames.
    """

    definitions: str
    duration_s: float
    players: tuple[TimelinePlayer, ...]
    events: tuple[MatchEvent, ...]
    tracks: Tracks | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where it speaks of players that it does not have, or of too many."""
        if len(self.players) > _MAX_PLAYERS or len(self.events) > _MAX_EVENTS:
            raise ValueError(f"{len(self.players)} players and {len(self.events)} events")
        if self.tracks and len(self.tracks.cars) != len(self.players):
            raise ValueError(f"{len(self.tracks.cars)} cars of {len(self.players)} players")
        known = range(len(self.players))
        for event in self.events:
            if any(one is not None and one not in known for one in (event.player, event.other)):
                raise ValueError(f"{event.kind} of a player that is not there")

    def to_json(self) -> dict[str, Any]:
        """JSON of a size that grows by some 0.5 MB with five minutes of six players."""
        return {
            "definitions": self.definitions,
            "duration_s": self.duration_s,
            "players": [[one.name, one.platform, one.id, one.team] for one in self.players],
            "events": [event.to_json() for event in self.events],
            "tracks": _tracks_json(self.tracks) if self.tracks else None,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what `to_json` wrote. Raises ValueError, TypeError or LookupError for all else."""
        tracks = value["tracks"]
        return cls(
            definitions=_text(value["definitions"]),
            duration_s=_number(value["duration_s"], _MAX_TIME_S),
            players=tuple(_player(one) for one in _some(value["players"], _MAX_PLAYERS)),
            events=tuple(_event(row) for row in _some(value["events"], _MAX_EVENTS)),
            tracks=None if tracks is None else _tracks(tracks),
        )


def _shorts(data: bytes) -> array[int]:
    numbers = array("h", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _tracks_json(tracks: Tracks) -> dict[str, Any]:
    return {
        "rate_hz": tracks.rate_hz,
        "ticks": tracks.ticks,
        "clock": _packed(tracks.clock),
        "ball": _packed(tracks.ball.position),
        "cars": [[_packed(car.position), _packed(car.boost)] for car in tracks.cars],
    }


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _tracks(value: Any) -> Tracks:
    ticks = value["ticks"]
    if not isinstance(ticks, int):
        raise TypeError("ticks")
    cars = [
        Track(position=_bytes(place), boost=_bytes(boost))
        for place, boost in _some(value["cars"], _MAX_PLAYERS)
    ]
    return Tracks(
        rate_hz=_number(value["rate_hz"], _MAX_RATE_HZ),
        ticks=ticks,
        clock=_bytes(value["clock"]),
        ball=Track(position=_bytes(value["ball"])),
        cars=tuple(cars),
    )


def _player(row: Any) -> TimelinePlayer:
    name, platform, account, team = row
    return TimelinePlayer(
        name=_text(name), platform=_text(platform), id=_text(account), team=_team(team)
    )


def _event(row: Any) -> MatchEvent:
    kind, time_s, end_s, clock_s, overtime, team, player, other, position, confidence, values = row
    if confidence not in get_args(Confidence) or not isinstance(overtime, bool):
        raise ValueError("an event of another form")
    if len(values) > _MAX_VALUES:
        raise ValueError(f"an event with {len(values)} values")
    x_y_z = None if position is None else [_number(each, _MAX_COORDINATE) for each in position]
    return MatchEvent(
        kind=_word(kind),
        time_s=_time(time_s),
        end_s=_time(end_s),
        clock_s=_index(clock_s),
        overtime=overtime,
        team=_team(team),
        player=_index(player),
        other=_index(other),
        position=None if x_y_z is None else (x_y_z[0], x_y_z[1], x_y_z[2]),
        confidence=confidence,
        values={_word(name): _value(each) for name, each in values.items()},
    )


def _some(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("no list, or a longer one than any match has")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("a name of another form")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value[:_MAX_CHARACTERS]


def _number(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    if not math.isfinite(value) or abs(value) > most:
        raise ValueError("a number beyond any match")
    return value


def _time(value: Any) -> float | None:
    return None if value is None else _number(value, _MAX_TIME_S)


def _index(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TIME_S:
        raise ValueError("a whole number")
    return value


def _team(value: Any) -> int | None:
    if value not in (None, 0, 1) or isinstance(value, bool):
        raise ValueError("a team")
    return _index(value)


def _value(value: Any) -> EventValue:
    if isinstance(value, str):
        return _text(value)
    return value if isinstance(value, bool) else _number(value, 1e12)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(value, validate=True)  # TypeError for what is no text
