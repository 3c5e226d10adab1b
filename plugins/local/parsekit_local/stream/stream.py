"""The one pass over the frame dictionaries of ``subtr_actor.parse_replay``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from parsekit_local.stream.actors import Actor, ActorTable
from parsekit_local.stream.frames import Ints

Handler: TypeAlias = Callable[[Actor, Any], None]

#: Attributes whose last report is kept as it came, by their name after the colon.
_REMEMBERED = frozenset(
    (
        "CameraSettings",
        "ClientLoadout",
        "ClientLoadouts",
        "CustomTeamName",
        "MatchAssists",
        "MatchDemolishes",
        "MatchGUID",
        "MatchGoals",
        "MatchGuid",
        "MatchSaves",
        "MatchScore",
        "MatchShots",
        "MatchStartEpoch",
        "MaxTeamSize",
        "PlayerName",
        "ProfileSettings",
        "ReplicatedGamePlaylist",
        "ReplicatedServerRegion",
        "ServerName",
        "SteeringSensitivity",
        "UniqueId",
        "bBot",
    )
)

#: What the byte form of a pick-up report says of a pad that came back.
_PAD_FREE = 255


class StreamReader:
    """Collects, frame by frame, what the columns are made of.

    Attributes that matter have a method each; it decides whether the report is an update.
    """

    def __init__(self, replay: dict[str, Any], gaps: Ints) -> None:
        self.frame = 0
        self.in_keyframe = False
        self.cast = ActorTable()
        self.hits: list[tuple[int, int]] = []
        self.waits: list[tuple[int, int]] = []
        self.goals: list[tuple[int, int]] = []
        self.clock: list[tuple[int, int]] = []
        self.states: list[tuple[int, str]] = []
        self.demolitions: list[tuple[int, Actor | None, Actor]] = []
        self.body_frames: set[int] = set()
        self.overtime_frame: int | None = None
        self._scores = [0, 0]
        self._gaps = gaps
        self._demolished: set[int] = set()
        self._objects: list[str] = replay["objects"]
        self._names: list[str] = replay["names"]
        self._keyframes = {row["frame"] for row in replay["keyframes"]}
        self._handlers = [self._handler(name) for name in self._objects]

    def read(self, frame: dict[str, Any]) -> None:
        """Take in the next frame."""
        self.in_keyframe = self.frame in self._keyframes
        alive, handlers = self.cast.alive, self._handlers
        for actor_id in frame["deleted_actors"]:
            self.cast.leave(actor_id, self.frame)
        for new in frame["new_actors"]:
            self.cast.enter(new["actor_id"], self._objects[new["object_id"]], self.frame)
        for update in frame["updated_actors"]:
            handler = handlers[update["object_id"]]
            if handler is not None and update["actor_id"] in alive:
                (value,) = update["attribute"].values()
                handler(alive[update["actor_id"]], value)
        self.frame += 1

    def _handler(self, attribute: str) -> Handler | None:
        name = attribute.rpartition(":")[2]
        if name in _REMEMBERED:
            return lambda actor, value: actor.values.__setitem__(name, value)
        known: dict[str, Handler] = {
            "HitTeamNum": self._hit,
            "NewReplicatedPickupData": self._pickup,
            "PRI": self._belongs,
            "PlayerReplicationInfo": self._belongs,
            "ReplicatedBoost": lambda actor, value: self._boost(actor, value["boost_amount"]),
            "ReplicatedBoostAmount": self._boost,
            "ReplicatedDemolish": self._demolish,
            "ReplicatedDemolishExtended": self._demolish,
            "ReplicatedDemolish_CustomFX": self._demolish,
            "ReplicatedGameStateTimeRemaining": self._wait,
            "ReplicatedPickupData": self._pickup,
            "ReplicatedRBState": self._body,
            "ReplicatedStateName": self._state,
            "SecondsRemaining": self._clock,
            "Team": self._team,
            "Vehicle": self._belongs,
            "bOverTime": self._overtime,
            "bReplicatedHandbrake": self._handbrake,
        }
        return self._score if attribute == "Engine.TeamInfo:Score" else known.get(name)

    def _body(self, actor: Actor, value: dict[str, Any]) -> None:
        place, speed, sleeping = value["location"], value["linear_velocity"], value["sleeping"]
        row = (self.frame, place["x"], place["y"], place["z"], 0.0, 0.0, 0.0)
        if speed:
            row = (*row[:4], speed["x"], speed["y"], speed["z"])
        if self.in_keyframe and actor.repeats_body(row, sleeping):
            return
        self.body_frames.add(self.frame)
        actor.bodies.append(row)
        actor.sleeping = sleeping

    def _boost(self, actor: Actor, amount: int) -> None:
        if not (self.in_keyframe and actor.boost and actor.boost[-1][1] == amount):
            actor.boost.append((self.frame, amount))

    def _handbrake(self, actor: Actor, pulled: bool) -> None:
        actor.handbrake.append((self.frame, pulled))

    def _belongs(self, actor: Actor, owner: dict[str, Any]) -> None:
        # in old files a component's car is named seconds after its first values
        if actor.owner is None:
            actor.owner = self.cast.who(owner)

    def _team(self, actor: Actor, team: dict[str, Any]) -> None:
        joined = self.cast.who(team)
        if joined is not None and joined.team_number is not None:
            actor.team = joined.team_number

    def _pickup(self, pad: Actor, value: dict[str, Any]) -> None:
        car = self.cast.who(value["instigator"])
        if car is None or value["picked_up"] in (False, _PAD_FREE):
            pad.pad_is_free = True
        elif pad.pad_is_free:
            pad.pad_is_free = False
            car.pickups.append((self.frame, pad.number))

    def _hit(self, _ball: Actor, team: int) -> None:
        if not (self.in_keyframe and self._is_old_hit(team)):
            self.hits.append((self.frame, team))

    def _is_old_hit(self, team: int) -> bool:
        if not self.hits or self.hits[-1][1] != team:
            return False
        passed = np.searchsorted(self._gaps, (self.hits[-1][0], self.frame), side="right")
        return bool(passed[0] == passed[1])

    def _wait(self, _event: Actor, seconds: int) -> None:
        self.waits.append((self.frame, seconds))

    def _state(self, _event: Actor, name: int) -> None:
        state = self._names[name]
        if not self.states or self.states[-1][1] != state:
            self.states.append((self.frame, state))

    def _clock(self, _event: Actor, seconds: int) -> None:
        if not self.clock or self.clock[-1][1] != seconds:
            self.clock.append((self.frame, seconds))

    def _overtime(self, _event: Actor, running: bool) -> None:
        if running and self.overtime_frame is None:
            self.overtime_frame = self.frame

    def _score(self, team: Actor, score: int) -> None:
        scorer = team.team_number
        if scorer is None:
            return
        if score > self._scores[scorer]:
            self.goals.append((self.frame, 1 - scorer))
        self._scores[scorer] = score

    def _demolish(self, _car: Actor, value: dict[str, Any]) -> None:
        value = value.get("custom_demolish", value)
        value = value.get("demolish", value)
        victim = self.cast.who(value["victim"])
        # a car dies once: other reports are repetitions, or the same in another attribute
        if victim is not None and victim.number not in self._demolished:
            self._demolished.add(victim.number)
            self.demolitions.append((self.frame, self.cast.who(value["attacker"]), victim))
