"""The classes, attributes and archetypes that a synthetic network stream speaks of.

Names and inheritance are the game's own. Attributes are numbered through the line of ancestors;
the number is what stands in the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from parsekit.testing.replays.pads import PADS

#: Class, parent, attributes of its own; parents come first.
_CLASSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Core.Object", "", ()),
    ("Engine.Actor", "Core.Object", ()),
    ("Engine.Pawn", "Engine.Actor", ("PlayerReplicationInfo",)),
    ("ProjectX.Pawn_X", "Engine.Pawn", ()),
    ("TAGame.RBActor_TA", "ProjectX.Pawn_X", ("ReplicatedRBState",)),
    ("TAGame.Ball_TA", "TAGame.RBActor_TA", ("GameEvent", "HitTeamNum")),
    ("TAGame.Vehicle_TA", "TAGame.RBActor_TA", ("bDriving", "bReplicatedHandbrake")),
    ("TAGame.Car_TA", "TAGame.Vehicle_TA", ("TeamPaint",)),
    (
        "TAGame.GameEvent_TA",
        "Engine.Actor",
        (
            "MatchStartEpoch",
            "ReplicatedStateName",
            "ReplicatedGameStateTimeRemaining",
            "ReplicatedRoundCountDownNumber",
        ),
    ),
    ("TAGame.GameEvent_Team_TA", "TAGame.GameEvent_TA", ("MaxTeamSize",)),
    (
        "TAGame.GameEvent_Soccar_TA",
        "TAGame.GameEvent_Team_TA",
        ("SecondsRemaining", "bOverTime", "ReplicatedScoredOnTeam"),
    ),
    ("Engine.Info", "Engine.Actor", ()),
    ("Engine.ReplicationInfo", "Engine.Info", ()),
    (
        "Engine.PlayerReplicationInfo",
        "Engine.ReplicationInfo",
        ("PlayerName", "Team", "UniqueId", "PlayerID", "bBot"),
    ),
    ("ProjectX.PRI_X", "Engine.PlayerReplicationInfo", ()),
    (
        "TAGame.PRI_TA",
        "ProjectX.PRI_X",
        (
            "ReplicatedGameEvent",
            "PersistentCamera",
            "ClientLoadouts",
            "SteeringSensitivity",
            "MatchScore",
            "MatchGoals",
            "MatchAssists",
            "MatchSaves",
            "MatchShots",
        ),
    ),
    ("Engine.TeamInfo", "Engine.ReplicationInfo", ("Score",)),
    ("TAGame.Team_TA", "Engine.TeamInfo", ("GameEvent",)),
    ("TAGame.Team_Soccar_TA", "TAGame.Team_TA", ()),
    ("Engine.GameReplicationInfo", "Engine.ReplicationInfo", ("ServerName",)),
    (
        "ProjectX.GRI_X",
        "Engine.GameReplicationInfo",
        ("ReplicatedGamePlaylist", "ReplicatedServerRegion", "MatchGUID"),
    ),
    ("TAGame.GRI_TA", "ProjectX.GRI_X", ()),
    ("TAGame.CameraSettingsActor_TA", "Engine.ReplicationInfo", ("PRI", "ProfileSettings")),
    ("TAGame.CarComponent_TA", "Engine.ReplicationInfo", ("Vehicle", "ReplicatedActive")),
    ("TAGame.CarComponent_AirActivate_TA", "TAGame.CarComponent_TA", ()),
    ("TAGame.CarComponent_Dodge_TA", "TAGame.CarComponent_AirActivate_TA", ()),
    ("TAGame.CarComponent_DoubleJump_TA", "TAGame.CarComponent_AirActivate_TA", ()),
    ("TAGame.CarComponent_FlipCar_TA", "TAGame.CarComponent_TA", ()),
    ("TAGame.CarComponent_Boost_TA", "TAGame.CarComponent_AirActivate_TA", ("ReplicatedBoost",)),
    ("TAGame.CarComponent_Jump_TA", "TAGame.CarComponent_TA", ()),
    ("TAGame.VehiclePickup_TA", "Engine.ReplicationInfo", ("NewReplicatedPickupData",)),
    ("TAGame.VehiclePickup_Boost_TA", "TAGame.VehiclePickup_TA", ()),
)

GAME_EVENT = "Archetypes.GameEvent.GameEvent_Soccar"
GAME_INFO = "GameInfo_Soccar.GameInfo.GameInfo_Soccar:GameReplicationInfoArchetype"
TEAMS = ("Archetypes.Teams.Team0", "Archetypes.Teams.Team1")
PLAYER = "TAGame.Default__PRI_TA"
CAMERA = "TAGame.Default__CameraSettingsActor_TA"
BALL = "Archetypes.Ball.Ball_Default"
CAR = "Archetypes.Car.Car_Default"
BOOST = "Archetypes.CarComponents.CarComponent_Boost"
JUMP = "Archetypes.CarComponents.CarComponent_Jump"
DODGE = "Archetypes.CarComponents.CarComponent_Dodge"
DOUBLE_JUMP = "Archetypes.CarComponents.CarComponent_DoubleJump"
FLIP = "Archetypes.CarComponents.CarComponent_FlipCar"

_ARCHETYPES = {
    GAME_EVENT: "TAGame.GameEvent_Soccar_TA",
    GAME_INFO: "TAGame.GRI_TA",
    TEAMS[0]: "TAGame.Team_Soccar_TA",
    TEAMS[1]: "TAGame.Team_Soccar_TA",
    PLAYER: "TAGame.PRI_TA",
    CAMERA: "TAGame.CameraSettingsActor_TA",
    BALL: "TAGame.Ball_TA",
    CAR: "TAGame.Car_TA",
    BOOST: "TAGame.CarComponent_Boost_TA",
    JUMP: "TAGame.CarComponent_Jump_TA",
    DODGE: "TAGame.CarComponent_Dodge_TA",
    DOUBLE_JUMP: "TAGame.CarComponent_DoubleJump_TA",
    FLIP: "TAGame.CarComponent_FlipCar_TA",
}
_PAD_CLASS = "TAGame.VehiclePickup_Boost_TA"
_PARENTS = {name: parent for name, parent, _ in _CLASSES}
_OWN = {name: [f"{name}:{attribute}" for attribute in own] for name, _, own in _CLASSES}


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedClass:
    """A class as the end of the file lists it; ids refer to other entries, objects to the table."""

    object_id: int
    parent_id: int
    cache_id: int
    attributes: tuple[tuple[int, int], ...]


def pad(number: int) -> str:
    """Name the archetype of a boost pad; each pad is an object of its own."""
    return f"Stadium_P.TheWorld:PersistentLevel.VehiclePickup_Boost_TA_{number}"


@cache
def object_table() -> tuple[str, ...]:
    """Every name that a number stands for: attributes before their class, archetypes last."""
    of_classes = [entry for name, _, _ in _CLASSES for entry in (*_OWN[name], name)]
    return (*of_classes, *_ARCHETYPES, *map(pad, range(len(PADS))))


@cache
def object_id(name: str) -> int:
    """Number an object."""
    return object_table().index(name)


@cache
def stream_ids(archetype: str) -> dict[str, int]:
    """Number the attributes of an actor by their short names, its ancestors' first."""
    attributes = _inherited(_class_of(archetype))
    return {name.partition(":")[2]: number for number, name in enumerate(attributes)}


def class_ids() -> list[tuple[str, int]]:
    """List the classes with their place in the table."""
    return [(name, object_id(name)) for name, _, _ in _CLASSES]


def class_cache() -> list[CachedClass]:
    """List the classes with the attributes that they add to their parents'."""
    ids = {name: number for number, (name, _, _) in enumerate(_CLASSES)}
    return [
        CachedClass(
            object_id=object_id(name),
            parent_id=ids.get(parent, 0),
            cache_id=ids[name],
            attributes=tuple(_numbered(name)),
        )
        for name, parent, _ in _CLASSES
    ]


def _numbered(name: str) -> list[tuple[int, int]]:
    first = len(_inherited(_PARENTS[name]))
    return [(object_id(own), first + number) for number, own in enumerate(_OWN[name])]


def _class_of(archetype: str) -> str:
    return _ARCHETYPES.get(archetype, _PAD_CLASS)


def _inherited(name: str) -> list[str]:
    return [*_inherited(_PARENTS[name]), *_OWN[name]] if name else []
