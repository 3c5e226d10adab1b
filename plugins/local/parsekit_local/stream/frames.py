"""The seam between decoders and statistics: what the network stream of one replay says.

A decoder makes a `Decoded`; nothing after it knows which decoder that was. Everything here is
about *accepted updates*: a value is known from the frame whose packet reports it, and a key
frame's repetition of an unchanged value is no update. Columns are numpy arrays of one length per
table, oldest first; several rows may share a frame, in the order in which the packet had them.

Units: frames are indices into the ``*_s`` columns of `Frames`; seconds; uu (unreal units, about
a centimetre) and uu/s; boost amounts are bytes, 0 to 255. Teams are 0 (blue) and 1 (orange).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from parsekit.errors import ParserFailed
from parsekit_local.stream.readers import ReaderName

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

BLUE, ORANGE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigidBodies:
    """Where one car or ball was reported to be; ``velocity`` is zero for a sleeping body."""

    frame: Ints
    position: Floats  # (n, 3), uu
    velocity: Floats  # (n, 3), uu/s

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoostSamples:
    """The boost amounts reported by one boost component, the initial one included."""

    frame: Ints
    amount: Ints  # 0 to 255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Switches:
    """A flag's reports: ``on[i]`` holds from ``frame[i]``; repetitions are possible."""

    frame: Ints
    on: Bools


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pickups:
    """Boost pads taken by one car: only those seen free before.

    A pad taken in the tick in which it respawned sends no "free" in between; such a report is
    not in this table. ``pad`` is a number for each pad of this replay; its place is not in the
    stream, the car's is.
    """

    frame: Ints
    pad: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """One life of one car actor, from its creation to its deletion.

    A demolished car is deleted a while after its last body row. ``end_frame`` is the frame that
    deletes it, or `Frames.count` when it is there until the end of the file.
    """

    first_frame: int
    end_frame: int
    bodies: RigidBodies
    boosts: tuple[BoostSamples, ...]
    handbrake: Switches
    pickups: Pickups


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """One life of one ball actor; ``archetype`` is the game's name, e.g. ``Ball_Default``."""

    first_frame: int
    end_frame: int
    archetype: str
    bodies: RigidBodies


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAccount:
    """A player's platform account as the game knows it.

    ``platform`` is ``steam``, ``epic``, ``playstation``, ``xbox``, ``psynet``, ``switch``, ``qq``,
    ``splitscreen`` or another lower-case word of the decoder. ``id`` is the account number as
    decimal text (hex for epic), ``online_name`` the PlayStation name, else ``""``.
    ``player_number`` counts the local players of one machine: 0 but in split screen.
    """

    platform: str
    id: str
    online_name: str = ""
    player_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """A player's camera settings as last reported.

    The game does not report settings that were never changed: `PlayerTrack.camera` is ``None``
    then, and the game's defaults of the time hold (Ballchasing fills fov 90, height 100,
    distance 260, pitch -3, stiffness 0.3, swivel 2.5, transition 1). ``transition_speed`` is
    ``None`` in files older than the setting, where Ballchasing says 0.
    """

    fov: float
    height: float
    distance: float
    pitch: float  # degrees, negative looks down
    stiffness: float
    swivel_speed: float
    transition_speed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """A player's scoreboard as last reported; what was never reported is 0, as in the game."""

    score: int = 0
    goals: int = 0
    assists: int = 0
    saves: int = 0
    shots: int = 0
    demolitions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerTrack:
    """Everything about one player, bots included, over all joins and rejoins.

    One entry an account and split-screen number; bots are told apart by name. ``team`` is the
    last team the player was in, ``None`` for who never was in one (spectators, referees). Those
    who never had a car have no ``cars`` and no statistics.

    ``first_frame`` and ``end_frame`` enclose the player's presence in the match (not on the
    field). ``body_ids`` are the car bodies chosen for blue and orange. ``steering_sensitivity``
    is ``None`` when not reported (the game reports only what differs from 1). ``counters`` are the
    game's own counts as last reported, by the game's names; one that never rose is not reported.
    """

    name: str
    account: PlatformAccount | None
    is_bot: bool
    team: int | None
    first_frame: int
    end_frame: int
    cars: tuple[Car, ...]
    camera: CameraSettings | None
    steering_sensitivity: float | None
    body_ids: tuple[int | None, int | None]
    score_line: ScoreLine
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """Which team touched the ball last: the reports of ``HitTeamNum``."""

    frame: Ints
    team: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Countdowns:
    """Whole kick-off countdowns 3-2-1, each from its first frame to the frame of "go"."""

    first_frame: Ints
    last_frame: Ints

    def __len__(self) -> int:
        return len(self.first_frame)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goals:
    """The goals as the stream reports them: each rise of a team's score.

    What is on the board in the first frame, scored before the recording, is one goal there.
    """

    frame: Ints
    conceding_team: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demolitions:
    """Demolitions; ``attacker`` and ``victim`` index `Frames.players`, -1 where unknown.

    ``attacker`` is -1 for the ones that the game itself causes (goal explosions, gravity).
    """

    frame: Ints
    attacker: Ints
    victim: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tallied:
    """When the game counted something for a player: each rise of one of its own counts.

    ``player`` indexes `Frames.players`, ``name`` is the game's, such as ``MatchSaves``. ``by`` is
    how much it rose: more than 1 where several came in one frame. What a player came with is not
    here.
    """

    frame: Ints
    player: Ints
    name: tuple[str, ...]
    by: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """The match enters a state: ``Countdown``, ``Active``, ``PostGoalScored``, ``Finished``."""

    frame: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GameClock:
    """The scoreboard clock's reports: the seconds left (in overtime: seconds played)."""

    frame: Ints
    seconds: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFacts:
    """What the network stream says about the match as a whole; ``None`` or empty: not said.

    ``playlist_id`` is the game's number (``ReplicatedGamePlaylist``), ``server_name`` and
    ``server_region`` its server, ``match_guid`` 32 hex digits. ``team_names`` are custom names
    of blue and orange. ``game_info`` names the mode's replication info (``GameInfo_FootBall``…).
    ``start_epoch_s`` is the Unix time of the match's start.

    ``overtime_frame`` is the first frame in overtime. ``debug_rows`` are the (user, text) rows
    that recorder plugins write, e.g. ranks.
    """

    playlist_id: int | None = None
    server_name: str | None = None
    server_region: str | None = None
    match_guid: str | None = None
    team_names: tuple[str | None, str | None] = (None, None)
    game_info: str | None = None
    max_team_size: int | None = None
    start_epoch_s: int | None = None
    overtime_frame: int | None = None
    debug_rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """One replay's network stream as columns.

    ``raw_time_s`` and ``delta_s`` stand in the file for each frame. ``time_s`` is the clock of all
    statistics: seconds since the first frame without the skipped goal replays, never falling.
    It stands still from the last body report before a skipped replay to the frame after it.
    ``gaps`` are the frames before which a goal replay was skipped; ``keyframes`` those that
    repeat every actor.
    """

    raw_time_s: Floats
    delta_s: Floats
    time_s: Floats
    keyframes: Ints
    gaps: Ints
    players: tuple[PlayerTrack, ...]
    balls: tuple[Ball, ...]
    hits: Hits
    countdowns: Countdowns
    goals: Goals
    demolitions: Demolitions
    tallied: Tallied
    states: tuple[StateChange, ...]
    game_clock: GameClock
    match: MatchFacts = field(default_factory=MatchFacts)

    @property
    def count(self) -> int:
        """The number of frames."""
        return len(self.time_s)

    def seconds_at(self, frame: Ints) -> Floats:
        """Look up `time_s` at these frames; beyond the last one it is the end of the file."""
        if not self.count:
            return np.zeros(len(frame))
        at: Floats = self.time_s[np.minimum(frame, self.count - 1)]
        return at

    def rounds_at(self, frame: Ints) -> Ints:
        """Count the goals before each of these frames: two of one round have as many."""
        rounds: Ints = np.searchsorted(np.sort(self.goals.frame), frame)
        return rounds

    def team(self, team: int) -> Mapping[int, PlayerTrack]:
        """Pick the players of a team who ever had a car, by their index in ``players``."""
        return {i: p for i, p in enumerate(self.players) if p.team == team and p.cars}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A decoder's answer.

    ``complete`` is false when the stream was cut or stopped being readable: ``frames`` then end
    early and ``warnings`` tell where and why, in sentences for people. ``reader`` is ``native`` or
    ``dictionary``; ``native_fault`` says why the native reader did not come to the end, ``None``
    where it did or is not there.
    """

    frames: Frames
    warnings: tuple[str, ...] = ()
    complete: bool = True
    reader: ReaderName = "dictionary"
    native_fault: str | None = None


class DecodeFailed(ParserFailed):
    """Not even the first frame can be read; the header may still be good.

    ``attribute`` is the network attribute that the decoder did not understand, where that was
    the reason, else ``None``.
    """

    def __init__(self, reason: str, *, attribute: str | None = None) -> None:
        super().__init__(reason)
        self.attribute = attribute
