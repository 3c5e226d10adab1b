"""From the dictionaries of one replay to `Frames`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from parsekit_local.stream.actors import Actor
from parsekit_local.stream.frames import (
    Countdowns,
    Demolitions,
    Floats,
    Frames,
    GameClock,
    Goals,
    Hits,
    Ints,
    StateChange,
)
from parsekit_local.stream.match import match_facts
from parsekit_local.stream.players import (
    CarParts,
    Dossier,
    Scale,
    boosts_by_car,
    dossiers,
    split,
    track,
)
from parsekit_local.stream.stream import StreamReader

#: Longer than any step between two recorded frames, shorter than any goal replay.
_GAP_S = 0.25

#: No frame of a match lasts so long, whatever a damaged file says: the clock stays in bounds.
_STALL_S = 60

#: Since this net version vectors are in uu and uu/s.
_WHOLE_UNITS = 7


def columns(replay: dict[str, Any]) -> Frames:
    """Turn a parsed replay into columns; its frames are consumed."""
    rows = (replay["network_frames"] or {}).get("frames") or []
    raw_time_s = np.array([row["time"] for row in rows], dtype=np.float64)
    delta_s = np.array([row["delta"] for row in rows], dtype=np.float64)
    step_s = np.diff(raw_time_s, prepend=raw_time_s[:1])
    gaps = np.flatnonzero((step_s - delta_s > _GAP_S) | (step_s > _STALL_S))
    reader = StreamReader(replay, gaps)
    rows.reverse()
    while rows:
        reader.read(rows.pop())
    everyone = dossiers(reader.cast.all)
    parts = _parts(replay, reader)
    hit_frame, hit_team = split(reader.hits)
    goal_frame, conceding = split(reader.goals)
    clock_frame, seconds = split(reader.clock)
    keyframes = np.array([row["frame"] for row in replay["keyframes"]], dtype=np.int64)
    return Frames(
        raw_time_s=raw_time_s,
        delta_s=delta_s,
        time_s=_clock(raw_time_s, gaps, reader),
        keyframes=keyframes[keyframes < len(raw_time_s)],
        gaps=gaps,
        players=tuple(track(who, dossier, parts) for who, dossier in everyone.items()),
        balls=tuple(parts.ball(actor) for actor in reader.cast.all if actor.is_ball),
        hits=Hits(frame=hit_frame, team=hit_team),
        countdowns=_countdowns(reader),
        goals=Goals(frame=goal_frame, conceding_team=conceding),
        demolitions=_demolitions(reader, list(everyone.values())),
        states=tuple(StateChange(frame=frame, name=name) for frame, name in reader.states),
        game_clock=GameClock(frame=clock_frame, seconds=seconds),
        match=match_facts(replay, reader),
    )


def _clock(raw_time_s: Floats, gaps: Ints, reader: StreamReader) -> Floats:
    """Take the skipped goal replays out of the file's time.

    The clock stops at the last body report before a gap, and goes on with the gap's first frame.
    """
    moving = np.array(sorted(reader.body_frames | {0}), dtype=np.int64)
    stop = moving[np.searchsorted(moving, gaps) - 1]
    stop[1:] = np.maximum(stop[1:], gaps[:-1])
    skipped_s = np.zeros(len(raw_time_s))
    skipped_s[gaps] = raw_time_s[gaps] - raw_time_s[stop]
    time_s = raw_time_s - raw_time_s[:1] - np.cumsum(skipped_s)
    # frames between the last report and the gap wait for it; a damaged file's time may fall
    return np.maximum(np.minimum.accumulate(time_s[::-1])[::-1], 0)


def _parts(replay: dict[str, Any], reader: StreamReader) -> CarParts:
    # old files: positions in hundredths of uu, velocities in tenths
    new = (replay["net_version"] or 0) >= _WHOLE_UNITS
    return CarParts(
        frame_count=reader.frame,
        scale=Scale(position=1, velocity=1) if new else Scale(position=100, velocity=10),
        boosts=boosts_by_car(reader.cast.all),
    )


def _countdowns(reader: StreamReader) -> Countdowns:
    whole = [
        (start, stop)
        for (start, before), (stop, after) in pairwise(reader.waits)
        if before > 0 and after == 0
    ]
    first, last = split(whole)
    return Countdowns(first_frame=first, last_frame=last)


def _demolitions(reader: StreamReader, everyone: list[Dossier]) -> Demolitions:
    driver = {car.number: i for i, dossier in enumerate(everyone) for car in dossier.cars}

    def index(car: Actor | None) -> int:
        return -1 if car is None else driver.get(car.number, -1)

    rows = [(frame, index(by), index(victim)) for frame, by, victim in reader.demolitions]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Demolitions(
        frame=table[:, 0].copy(), attacker=table[:, 1].copy(), victim=table[:, 2].copy()
    )
