"""The seam between readers and judgement: what a network stream says, report by report.

A reader makes a `StreamLog` and judges nothing: a key frame's repetition, a pad that was taken
before and a hit reported twice are rows like all others. `interpretation` makes `Frames` of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Read-only columns as they come from a reader; `interpretation` widens what it uses.
Int32s: TypeAlias = NDArray[np.int32]
Float32s: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

#: Stands for "no life": an end that did not come, an actor that nobody knows.
NOBODY = -1

#: Attributes whose last report is kept as it came, by their name after the colon.
REMEMBERED = frozenset(
    (
        "CameraSettings",
        "ClientLoadout",
        "ClientLoadouts",
        "CustomTeamName",
        "MatchGUID",
        "MatchGuid",
        "MatchScore",
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

#: The game's own counts of a player, by the attribute's name after the colon; all but the first
#: four since some build of 2026. Their places are part of the layout: add new ones at the end.
TALLIES = (
    "MatchGoals",
    "MatchAssists",
    "MatchSaves",
    "MatchShots",
    "MatchDemolishes",
    "MatchTimesDemolished",
    "MatchEpicSaves",
    "MatchClears",
    "MatchCenters",
    "MatchAerialHits",
    "MatchFirstTouches",
    "MatchCrossbarHits",
    "MatchBicycleHits",
    "MatchJuggleHits",
    "MatchFlipResets",
    "MatchHighFives",
    "MatchLowFives",
    "MatchPoolShots",
    "BallTouches",
    "CarTouches",
    "BoostPickups",
)


class EventCode(IntEnum):
    """What an event says with its numbers ``a`` and ``b``; ``b`` is 0 where it has no meaning.

    Lives are indices into the columns ``life_*``, or `NOBODY`.
    """

    BOOST = 0  # a: the amount, 0 to 255
    HANDBRAKE = 1  # a: 1 while pulled
    OWNER = 2  # a: the life that this one belongs to
    TEAM = 3  # a: the life of the team's actor
    PICKUP = 4  # a: the car's life, b: the state as it stands in the file, 255 or 0 for free
    HIT = 5  # a: the number of the team that touched the ball
    WAIT = 6  # a: whole seconds until the match goes on
    STATE = 7  # a: index into the names
    CLOCK = 8  # a: whole seconds on the scoreboard's clock
    OVERTIME = 9  # a: 1 in overtime
    SCORE = 10  # a: the team's goals
    DEMOLISH = 11  # a: the attacker's life, b: the victim's
    TALLY = 12  # a: the count, b: index into TALLIES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamLog:
    """What the network stream says, oldest row first; in one frame in the order of the packet.

    A life is one actor from its creation to its deletion or replacement (the same kind under a
    living id is the same life). ``values`` are the last reports of the `REMEMBERED` attributes as
    (life, attribute, value), sorted: numbers and texts, for loadouts the car bodies for blue and
    orange, for cameras (fov, height, distance, pitch, stiffness, swivel speed, transition speed),
    for accounts (platform, id, online name, local number). A number that is not finite is NaN in a
    column and ``None`` in a value.
    """

    net_version: int | None
    frame_count: int
    time_s: Float32s
    delta_s: Float32s
    keyframe: Int32s
    kinds: tuple[str, ...]
    life_kind: Int32s  # index into kinds
    life_first: Int32s  # frame
    life_end: Int32s  # frame, or NOBODY where it is there until the end
    body_frame: Int32s
    body_life: Int32s
    body_sleeping: Bytes
    body_position: Float32s  # (n, 3), in the file's units
    body_velocity: Float32s  # (n, 3), in the file's units; zero where it has none
    event_frame: Int32s
    event_life: Int32s
    event_code: Bytes
    event_a: Int32s
    event_b: Int32s
    names: tuple[str, ...]
    values: tuple[tuple[int, str, Any], ...]
    debug_rows: tuple[tuple[str, str], ...]  # user, text


class ReadFailed(ValueError):
    """The stream can't be read to its end; the message is boxcars' own."""
