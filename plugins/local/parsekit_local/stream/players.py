"""Players, cars and balls: columns made of the actors that a stream showed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from parsekit_local.stream.actors import Actor
from parsekit_local.stream.frames import (
    Ball,
    BoostSamples,
    CameraSettings,
    Car,
    Ints,
    Pickups,
    PlatformAccount,
    PlayerTrack,
    RigidBodies,
    ScoreLine,
    Switches,
)

#: Who a player is, over joins and rejoins: an account, or a name (bots have no account).
Identity: TypeAlias = "PlatformAccount | tuple[str, int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Factors that bring a file's vectors to uu and uu/s."""

    position: int
    velocity: int


@dataclass(slots=True)
class Dossier:
    """All actors that belong to one player."""

    infos: list[Actor] = field(default_factory=list)
    cars: list[Actor] = field(default_factory=list)
    cameras: list[Actor] = field(default_factory=list)

    def last(self, name: str, default: Any = None) -> Any:
        """Look up an attribute's last report over all of the player's joins."""
        found = (info.values[name] for info in reversed(self.infos) if name in info.values)
        return next(found, default)


def split(rows: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Make two columns of pairs."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def dossiers(actors: Iterable[Actor]) -> dict[Identity, Dossier]:
    """Gather each player's actors; those who are nobody (no account, bot or car) are left out."""
    everyone: dict[Identity, Dossier] = {}
    by_info: dict[int, Dossier] = {}
    actors = list(actors)
    for info in actors:
        if info.is_player and "PlayerName" in info.values:
            dossier = everyone.setdefault(_identity(info), Dossier())
            dossier.infos.append(info)
            by_info[info.number] = dossier
    for actor in actors:
        owner = by_info.get(actor.owner.number) if actor.owner else None
        if owner and actor.is_car:
            owner.cars.append(actor)
        elif owner and "ProfileSettings" in actor.values:
            owner.cameras.append(actor)
    return {
        who: d
        for who, d in everyone.items()
        if d.cars or isinstance(who, PlatformAccount) or _bot(d)
    }


def track(who: Identity, dossier: Dossier, parts: CarParts) -> PlayerTrack:
    """Make the track of one player."""
    infos = dossier.infos
    return PlayerTrack(
        name=infos[-1].values["PlayerName"],
        account=who if isinstance(who, PlatformAccount) else None,
        is_bot=_bot(dossier),
        team=next((info.team for info in reversed(infos) if info.team is not None), None),
        first_frame=min(info.first_frame for info in infos),
        end_frame=max(parts.end(info) for info in infos),
        cars=tuple(parts.car(car) for car in dossier.cars),
        camera=_camera(dossier),
        steering_sensitivity=dossier.last("SteeringSensitivity"),
        body_ids=_body_ids(dossier),
        score_line=_score_line(dossier),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CarParts:
    """What is needed to make columns of a car or ball actor."""

    frame_count: int
    scale: Scale
    boosts: dict[int, list[Actor]]

    def end(self, actor: Actor) -> int:
        """Give the frame of an actor's deletion, or the number of frames."""
        return self.frame_count if actor.end_frame is None else actor.end_frame

    def bodies(self, actor: Actor) -> RigidBodies:
        """Make the columns of an actor's body reports."""
        table = np.array(actor.bodies, dtype=np.float64).reshape(-1, 7)
        return RigidBodies(
            frame=table[:, 0].astype(np.int64),
            position=np.round(table[:, 1:4] * self.scale.position, 2),
            velocity=table[:, 4:7] * self.scale.velocity,
        )

    def car(self, actor: Actor) -> Car:
        """Make one car with everything that was attached to it."""
        brake_frame, brake_on = split(actor.handbrake)
        pickup_frame, pad = split(actor.pickups)
        return Car(
            first_frame=actor.first_frame,
            end_frame=self.end(actor),
            bodies=self.bodies(actor),
            boosts=tuple(_samples(part) for part in self.boosts.get(actor.number, ())),
            handbrake=Switches(frame=brake_frame, on=brake_on.astype(np.bool_)),
            pickups=Pickups(frame=pickup_frame, pad=pad),
        )

    def ball(self, actor: Actor) -> Ball:
        """Make one ball."""
        return Ball(
            first_frame=actor.first_frame,
            end_frame=self.end(actor),
            archetype=actor.kind.rpartition(".")[2],
            bodies=self.bodies(actor),
        )


def boosts_by_car(actors: Iterable[Actor]) -> dict[int, list[Actor]]:
    """Find the boost components of each car, by the car's number."""
    found: dict[int, list[Actor]] = {}
    for actor in actors:
        if actor.is_boost and actor.owner is not None:
            found.setdefault(actor.owner.number, []).append(actor)
    return found


def _samples(component: Actor) -> BoostSamples:
    frame, amount = split(component.boost)
    return BoostSamples(frame=frame, amount=amount)


def _bot(dossier: Dossier) -> bool:
    return bool(dossier.last("bBot", default=False))


def _identity(info: Actor) -> Identity:
    unique_id = info.values.get("UniqueId")
    account = None if info.values.get("bBot") or not unique_id else _account(unique_id)
    if account is not None:
        return account
    return info.values["PlayerName"], -1 if info.values.get("bBot") else info.number


def _account(unique_id: dict[str, Any]) -> PlatformAccount | None:
    remote = unique_id["remote_id"]
    if not isinstance(remote, dict):
        return None
    ((platform, account),) = remote.items()
    facts = account if isinstance(account, dict) else {"online_id": account}
    return PlatformAccount(
        platform=platform.lower(),
        id=str(facts["online_id"]),
        online_name=facts.get("name", ""),
        player_number=unique_id["local_id"],
    )


def _camera(dossier: Dossier) -> CameraSettings | None:
    reported = [camera.values["ProfileSettings"] for camera in dossier.cameras]
    settings = reported[-1] if reported else dossier.last("CameraSettings")
    if settings is None:
        return None
    return CameraSettings(
        fov=settings["fov"],
        height=settings["height"],
        distance=settings["distance"],
        pitch=settings["angle"],
        stiffness=settings["stiffness"],
        swivel_speed=settings["swivel"],
        transition_speed=settings["transition"],
    )


def _body_ids(dossier: Dossier) -> tuple[int | None, int | None]:
    both = dossier.last("ClientLoadouts")
    if both is not None:
        return both["blue"]["body"], both["orange"]["body"]
    one = dossier.last("ClientLoadout")
    return (None, None) if one is None else (one["body"], one["body"])


def _score_line(dossier: Dossier) -> ScoreLine:
    return ScoreLine(
        score=dossier.last("MatchScore", 0),
        goals=dossier.last("MatchGoals", 0),
        assists=dossier.last("MatchAssists", 0),
        saves=dossier.last("MatchSaves", 0),
        shots=dossier.last("MatchShots", 0),
        demolitions=dossier.last("MatchDemolishes", 0),
    )
