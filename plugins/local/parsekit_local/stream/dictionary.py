"""The reader that needs nothing but ``subtr-actor-py``: one dictionary a frame, read once.

Each dictionary is freed as soon as it is read, so that the peak of memory is the library's own.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import nan
from typing import Any, TypeAlias

import numpy as np
import subtr_actor

from parsekit_local.stream.log import (
    NOBODY,
    REMEMBERED,
    TALLIES,
    EventCode,
    ReadFailed,
    StreamLog,
)

#: What an attribute's report says, as the event's two numbers.
Numbers: TypeAlias = Callable[[Any], tuple[int, int]]


def read(data: bytes) -> StreamLog:
    """Read the network stream of a whole replay file.

    Raises `ReadFailed` where the stream can't be read to its end.
    """
    with _collector_paused():
        try:
            replay = subtr_actor.parse_replay(data)
        except Exception as error:
            raise ReadFailed(str(error)) from error
        return log_of(replay)


def log_of(replay: dict[str, Any]) -> StreamLog:
    """Make the log of a parsed replay; its frames are consumed."""
    rows = (replay["network_frames"] or {}).get("frames") or []
    rows.reverse()
    recorder = _Recorder(replay)
    while rows:
        recorder.read(rows.pop())
    return recorder.log(replay)


class _Recorder:
    """Collects, frame by frame, what the columns are made of."""

    def __init__(self, replay: dict[str, Any]) -> None:
        self._objects: list[str] = replay["objects"]
        self._handlers = [self._handler(name) for name in self._objects]
        self._alive: dict[int, int] = {}
        self._kinds: dict[str, int] = {}
        self._life_kind, self._life_first, self._life_end = array("i"), array("i"), array("i")
        self._time_s, self._delta_s = array("f"), array("f")
        self._body_frame, self._body_life, self._body_sleeping = array("i"), array("i"), array("B")
        self._body_position, self._body_velocity = array("f"), array("f")
        self._event_frame, self._event_life, self._event_code = array("i"), array("i"), array("B")
        self._event_a, self._event_b = array("i"), array("i")
        self._values: dict[tuple[int, str], Any] = {}

    def read(self, frame: dict[str, Any]) -> None:
        """Take in the next frame."""
        number = len(self._time_s)
        alive, handlers = self._alive, self._handlers
        for actor_id in frame["deleted_actors"]:
            life = alive.pop(actor_id, None)
            if life is not None:
                self._life_end[life] = number
        for new in frame["new_actors"]:
            self._enter(new["actor_id"], self._objects[new["object_id"]], number)
        for update in frame["updated_actors"]:
            handler = handlers[update["object_id"]]
            life = alive.get(update["actor_id"]) if handler is not None else None
            if handler is not None and life is not None:
                (value,) = update["attribute"].values()
                handler(number, life, value)
        self._time_s.append(_finite(frame["time"]))
        self._delta_s.append(_finite(frame["delta"]))

    def log(self, replay: dict[str, Any]) -> StreamLog:
        """Give what was read so far."""
        return StreamLog(
            net_version=replay["net_version"],
            frame_count=len(self._time_s),
            time_s=_column(self._time_s),
            delta_s=_column(self._delta_s),
            keyframe=_column(array("i", (row["frame"] for row in replay["keyframes"]))),
            kinds=tuple(self._kinds),
            life_kind=_column(self._life_kind),
            life_first=_column(self._life_first),
            life_end=_column(self._life_end),
            body_frame=_column(self._body_frame),
            body_life=_column(self._body_life),
            body_sleeping=_column(self._body_sleeping),
            body_position=_column(self._body_position).reshape(-1, 3),
            body_velocity=_column(self._body_velocity).reshape(-1, 3),
            event_frame=_column(self._event_frame),
            event_life=_column(self._event_life),
            event_code=_column(self._event_code),
            event_a=_column(self._event_a),
            event_b=_column(self._event_b),
            names=tuple(replay["names"]),
            values=tuple(
                (life, name, _plain(name, value))
                for (life, name), value in sorted(self._values.items(), key=lambda row: row[0])
            ),
            debug_rows=tuple((row["user"], row["text"]) for row in replay["debug_info"]),
        )

    def _enter(self, actor_id: int, kind: str, frame: int) -> None:
        index = self._kinds.setdefault(kind, len(self._kinds))
        known = self._alive.get(actor_id)
        if known is not None:
            if self._life_kind[known] == index:
                return
            self._life_end[known] = frame
        self._alive[actor_id] = len(self._life_kind)
        self._life_kind.append(index)
        self._life_first.append(frame)
        self._life_end.append(NOBODY)

    def _handler(self, attribute: str) -> Callable[[int, int, Any], None] | None:
        name = attribute.rpartition(":")[2]
        if name in REMEMBERED:
            return lambda _frame, life, value: self._values.__setitem__((life, name), value)
        if name in TALLIES:
            tally = TALLIES.index(name)
            return self._event(EventCode.TALLY, lambda value: (int(value), tally))
        if name == "ReplicatedRBState":
            return self._body
        # players and other things have scores of their own
        if name == "Score" and attribute != "Engine.TeamInfo:Score":
            return None
        events: dict[str, tuple[EventCode, Numbers]] = {
            "HitTeamNum": (EventCode.HIT, _number),
            "NewReplicatedPickupData": (EventCode.PICKUP, self._pickup),
            "PRI": (EventCode.OWNER, self._life),
            "PlayerReplicationInfo": (EventCode.OWNER, self._life),
            "ReplicatedBoost": (EventCode.BOOST, lambda value: (value["boost_amount"], 0)),
            "ReplicatedBoostAmount": (EventCode.BOOST, _number),
            "ReplicatedDemolish": (EventCode.DEMOLISH, self._demolish),
            "ReplicatedDemolishExtended": (EventCode.DEMOLISH, self._demolish),
            "ReplicatedDemolish_CustomFX": (EventCode.DEMOLISH, self._demolish),
            "ReplicatedGameStateTimeRemaining": (EventCode.WAIT, _number),
            "ReplicatedPickupData": (EventCode.PICKUP, self._pickup),
            "ReplicatedStateName": (EventCode.STATE, _number),
            "Score": (EventCode.SCORE, _number),
            "SecondsRemaining": (EventCode.CLOCK, _number),
            "Team": (EventCode.TEAM, self._life),
            "Vehicle": (EventCode.OWNER, self._life),
            "bOverTime": (EventCode.OVERTIME, _number),
            "bReplicatedHandbrake": (EventCode.HANDBRAKE, _number),
        }
        return self._event(*events[name]) if name in events else None

    def _event(self, code: EventCode, numbers: Numbers) -> Callable[[int, int, Any], None]:
        number_of_code = int(code)

        def record(frame: int, life: int, value: Any) -> None:
            a, b = numbers(value)
            self._event_frame.append(frame)
            self._event_life.append(life)
            self._event_code.append(number_of_code)
            self._event_a.append(a)
            self._event_b.append(b)

        return record

    def _body(self, frame: int, life: int, value: dict[str, Any]) -> None:
        place, speed = value["location"], value["linear_velocity"]
        self._body_frame.append(frame)
        self._body_life.append(life)
        self._body_sleeping.append(value["sleeping"])
        self._body_position.extend((place["x"], place["y"], place["z"]))
        self._body_velocity.extend((speed["x"], speed["y"], speed["z"]) if speed else _STILL)

    def _who(self, reference: Any) -> int:
        """Find the living actor that a value refers to, in any form the library uses."""
        actor_id = reference["actor"] if isinstance(reference, dict) else reference
        return self._alive.get(actor_id, NOBODY)

    def _life(self, value: Any) -> tuple[int, int]:
        return self._who(value), 0

    def _pickup(self, value: dict[str, Any]) -> tuple[int, int]:
        return self._who(value["instigator"]), int(value["picked_up"])

    def _demolish(self, value: dict[str, Any]) -> tuple[int, int]:
        return self._who(value["attacker"]), self._who(value["victim"])


_STILL = (0.0, 0.0, 0.0)
_CAMERA = ("fov", "height", "distance", "angle", "stiffness", "swivel", "transition")


def _number(value: Any) -> tuple[int, int]:
    return int(value), 0


def _finite(number: float | None) -> float:
    """Numbers that JSON does not know come as ``None``."""
    return nan if number is None else number


def _column(rows: array[Any]) -> np.ndarray[Any, Any]:
    column = np.frombuffer(rows, dtype=rows.typecode) if rows else np.zeros(0, rows.typecode)
    column.setflags(write=False)
    return column


def _plain(name: str, value: Any) -> Any:
    """Keep what is needed of a report."""
    match name:
        case "UniqueId":
            return _account(value)
        case "CameraSettings" | "ProfileSettings":
            return tuple(value[setting] for setting in _CAMERA)
        case "ClientLoadout":
            return value["body"], value["body"]
        case "ClientLoadouts":
            return value["blue"]["body"], value["orange"]["body"]
        case "MatchStartEpoch":
            return int(value)
        case _:
            return value


def _account(unique_id: dict[str, Any]) -> tuple[str, str, str, int]:
    ((platform, account),) = unique_id["remote_id"].items()
    facts = account if isinstance(account, dict) else {"online_id": account}
    return (
        platform.lower(),
        str(facts["online_id"]),
        facts.get("name", ""),
        unique_id["local_id"],
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the cycle collector millions of young dictionaries, none of them in a cycle.

    It would take a third of the parsing time. The pause is the whole process's: the host's children
    do one parse at a time, and of threads that overlap the one that paused it also ends the pause.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
