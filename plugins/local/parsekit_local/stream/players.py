"""Players, cars and balls: columns made of the lives that a stream showed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

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
from parsekit_local.stream.lives import Life
from parsekit_local.stream.log import TALLIES
from parsekit_local.stream.tables import Tables

#: Who a player is, over joins and rejoins: an account, or a name (bots have no account).
Identity: TypeAlias = "PlatformAccount | tuple[str, int]"


@dataclass(slots=True)
class Dossier:
    """All lives that belong to one player."""

    infos: list[Life] = field(default_factory=list)
    cars: list[Life] = field(default_factory=list)
    cameras: list[Life] = field(default_factory=list)

    def last(self, name: str, default: Any = None) -> Any:
        """Look up an attribute's last report over all of the player's joins."""
        found = (info.values[name] for info in reversed(self.infos) if name in info.values)
        return next(found, default)


def split(rows: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Make two columns of pairs."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def dossiers(actors: Iterable[Life]) -> dict[Identity, Dossier]:
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


def track(who: Identity, dossier: Dossier, tables: Tables) -> PlayerTrack:
    """Make the track of one player."""
    infos = dossier.infos
    return PlayerTrack(
        name=infos[-1].values["PlayerName"],
        account=who if isinstance(who, PlatformAccount) else None,
        is_bot=_bot(dossier),
        team=next((info.team for info in reversed(infos) if info.team is not None), None),
        first_frame=min(info.first_frame for info in infos),
        end_frame=max(info.end_frame for info in infos),
        cars=tuple(_car(car, tables) for car in dossier.cars),
        camera=_camera(dossier),
        steering_sensitivity=dossier.last("SteeringSensitivity"),
        body_ids=_body_ids(dossier),
        score_line=_score_line(dossier),
        counters={name: count for name in TALLIES if (count := dossier.last(name)) is not None},
    )


def ball(life: Life, tables: Tables) -> Ball:
    """Make one ball."""
    return Ball(
        first_frame=life.first_frame,
        end_frame=life.end_frame,
        archetype=life.kind.rpartition(".")[2],
        bodies=_bodies(life, tables),
    )


def _car(life: Life, tables: Tables) -> Car:
    """Make one car with everything that was attached to it."""
    brake_frame, on = tables.handbrake.of(life)
    pickup_frame, pad = tables.pickups.of(life)
    components = tables.components.get(life.number, ())
    return Car(
        first_frame=life.first_frame,
        end_frame=life.end_frame,
        bodies=_bodies(life, tables),
        boosts=tuple(_samples(component, tables) for component in components),
        handbrake=Switches(frame=brake_frame, on=on),
        pickups=Pickups(frame=pickup_frame, pad=pad),
    )


def _bodies(life: Life, tables: Tables) -> RigidBodies:
    frame, position, velocity = tables.bodies.of(life)
    return RigidBodies(frame=frame, position=position, velocity=velocity)


def _samples(component: Life, tables: Tables) -> BoostSamples:
    frame, amount = tables.boosts.of(component)
    return BoostSamples(frame=frame, amount=amount)


def _bot(dossier: Dossier) -> bool:
    return bool(dossier.last("bBot", default=False))


def _identity(info: Life) -> Identity:
    account = None if info.values.get("bBot") else info.values.get("UniqueId")
    if account is not None:
        platform, id_, online_name, player_number = account
        return PlatformAccount(
            platform=platform, id=id_, online_name=online_name, player_number=player_number
        )
    return info.values["PlayerName"], -1 if info.values.get("bBot") else info.number


def _camera(dossier: Dossier) -> CameraSettings | None:
    reported = [camera.values["ProfileSettings"] for camera in dossier.cameras]
    settings = reported[-1] if reported else dossier.last("CameraSettings")
    if settings is None:
        return None
    fov, height, distance, pitch, stiffness, swivel_speed, transition_speed = settings
    return CameraSettings(
        fov=fov,
        height=height,
        distance=distance,
        pitch=pitch,
        stiffness=stiffness,
        swivel_speed=swivel_speed,
        transition_speed=transition_speed,
    )


def _body_ids(dossier: Dossier) -> tuple[int | None, int | None]:
    one = dossier.last("ClientLoadout", (None, None))
    blue, orange = dossier.last("ClientLoadouts", one)
    return blue, orange


def _score_line(dossier: Dossier) -> ScoreLine:
    return ScoreLine(
        score=dossier.last("MatchScore", 0),
        goals=dossier.last("MatchGoals", 0),
        assists=dossier.last("MatchAssists", 0),
        saves=dossier.last("MatchSaves", 0),
        shots=dossier.last("MatchShots", 0),
        demolitions=dossier.last("MatchDemolishes", 0),
    )
