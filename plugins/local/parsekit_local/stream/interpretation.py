"""What we make of a stream log: `Frames`, without repetitions and in the units of the game."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from parsekit_local.stream.frames import (
    Bools,
    Countdowns,
    Demolitions,
    Floats,
    Frames,
    GameClock,
    Goals,
    Hits,
    Ints,
    StateChange,
    Tallied,
)
from parsekit_local.stream.lives import Life, LoggedEvents, events_of, lives_of
from parsekit_local.stream.log import TALLIES, EventCode, StreamLog
from parsekit_local.stream.match import match_facts
from parsekit_local.stream.players import Dossier, ball, dossiers, split, track
from parsekit_local.stream.tables import RowsByLife, Tables, boosts_by_car, unrepeated

#: Longer than any step between two recorded frames, shorter than any goal replay.
_GAP_S = 0.25

#: No frame of a match lasts so long, whatever a damaged file says: the clock stays in bounds.
_STALL_S = 60

#: Since this net version vectors are in uu and uu/s.
_WHOLE_UNITS = 7

#: What the byte form of a pick-up report says of a pad that came back; the flag's form says 0.
_PAD_FREE = 255


def interpret(log: StreamLog) -> Frames:
    """Judge which reports are updates, and bring them into columns."""
    raw_time_s = log.time_s.astype(np.float64)
    delta_s = log.delta_s.astype(np.float64)
    keyframes = log.keyframe.astype(np.int64)
    step_s = np.diff(raw_time_s, prepend=raw_time_s[:1])
    gaps = np.flatnonzero((step_s - delta_s > _GAP_S) | (step_s > _STALL_S))
    in_keyframe = np.zeros(log.frame_count, np.bool_)
    in_keyframe[keyframes[(keyframes >= 0) & (keyframes < log.frame_count)]] = True
    lives = lives_of(log)
    bodies = _bodies(log, in_keyframe)
    components = boosts_by_car(lives)
    sorted_rows = _by_life(log, len(lives), in_keyframe)
    tables = Tables(components=components, bodies=bodies, **sorted_rows)
    everyone = dossiers(lives)
    return Frames(
        raw_time_s=raw_time_s,
        delta_s=delta_s,
        time_s=_clock(raw_time_s, gaps, bodies.columns[0]),
        keyframes=keyframes[keyframes < log.frame_count],
        gaps=gaps,
        players=tuple(track(who, dossier, tables) for who, dossier in everyone.items()),
        balls=tuple(ball(life, tables) for life in lives if life.is_ball),
        hits=_hits(events_of(log, EventCode.HIT), in_keyframe, gaps),
        countdowns=_countdowns(events_of(log, EventCode.WAIT)),
        goals=_goals(events_of(log, EventCode.SCORE), lives),
        demolitions=_demolitions(events_of(log, EventCode.DEMOLISH), list(everyone.values())),
        tallied=_tallied(events_of(log, EventCode.TALLY), lives, list(everyone.values())),
        states=_states(events_of(log, EventCode.STATE), log.names),
        game_clock=_game_clock(events_of(log, EventCode.CLOCK)),
        match=match_facts(log, lives),
    )


def _bodies(log: StreamLog, in_keyframe: Bools) -> RowsByLife:
    # old files: positions in hundredths of uu, velocities in tenths
    new = (log.net_version or 0) >= _WHOLE_UNITS
    position_scale, velocity_scale = (1, 1) if new else (100, 10)
    rows = RowsByLife(
        log.body_life,
        len(log.life_kind),
        (log.body_frame, log.body_position, log.body_velocity, log.body_sleeping),
    )
    frame, position, velocity, sleeping = rows.columns
    rows = rows.only(unrepeated(rows.life, in_keyframe[frame], position, velocity, sleeping))
    frame, position, velocity, _ = rows.columns
    return rows.with_columns(
        frame.astype(np.int64),
        np.round(position.astype(np.float64) * position_scale, 2),
        velocity.astype(np.float64) * velocity_scale,
    )


def _by_life(log: StreamLog, lives: int, in_keyframe: Bools) -> dict[str, RowsByLife]:
    """Sort the reports of cars and their components by who they are about."""
    boosts = events_of(log, EventCode.BOOST)
    amounts = RowsByLife(boosts.life, lives, (boosts.frame, boosts.a))
    frame, amount = amounts.columns
    handbrake = events_of(log, EventCode.HANDBRAKE)
    pickups = _pickups(events_of(log, EventCode.PICKUP), lives)
    return {
        "boosts": amounts.only(unrepeated(amounts.life, in_keyframe[frame], amount)),
        "handbrake": RowsByLife(handbrake.life, lives, (handbrake.frame, handbrake.a != 0)),
        "pickups": RowsByLife(pickups.a, lives, (pickups.frame, pickups.life)),
    }


def _pickups(events: LoggedEvents, lives: int) -> LoggedEvents:
    """Keep the pick-ups of pads that were free: never reported before, or reported free."""
    free = (events.a < 0) | (events.b == 0) | (events.b == _PAD_FREE)
    by_pad = RowsByLife(events.life, lives, (np.arange(len(events)), free))
    row, is_free = by_pad.columns
    was_free = np.ones(len(row), np.bool_)
    was_free[1:] = (by_pad.life[1:] != by_pad.life[:-1]) | is_free[:-1]
    kept = np.sort(row[was_free & ~is_free])
    return LoggedEvents(events.frame[kept], events.life[kept], events.a[kept], events.b[kept])


def _clock(raw_time_s: Floats, gaps: Ints, body_frames: Ints) -> Floats:
    """Take the skipped goal replays out of the file's time.

    The clock stops at the last body report before a gap, and goes on with the gap's first frame.
    """
    has_body = np.zeros(len(raw_time_s) + 1, np.bool_)
    has_body[body_frames] = True
    has_body[0] = True
    moving = np.flatnonzero(has_body)
    stop = moving[np.searchsorted(moving, gaps) - 1]
    stop[1:] = np.maximum(stop[1:], gaps[:-1])
    skipped_s = np.zeros(len(raw_time_s))
    skipped_s[gaps] = raw_time_s[gaps] - raw_time_s[stop]
    time_s = raw_time_s - raw_time_s[:1] - np.cumsum(skipped_s)
    # frames between the last report and the gap wait for it; a damaged file's time may fall
    return np.maximum(np.minimum.accumulate(time_s[::-1])[::-1], 0)


def _hits(events: LoggedEvents, in_keyframe: Bools, gaps: Ints) -> Hits:
    """Leave out the touch that a key frame repeats: same team, no replay skipped in between."""
    passed = np.searchsorted(gaps, events.frame, side="right")
    old = np.zeros(len(events), np.bool_)
    old[1:] = (np.diff(events.a) == 0) & (np.diff(passed) == 0) & in_keyframe[events.frame[1:]]
    return Hits(frame=events.frame[~old], team=events.a[~old])


def _countdowns(events: LoggedEvents) -> Countdowns:
    waits = zip(events.frame.tolist(), events.a.tolist(), strict=True)
    whole = [
        (start, stop)
        for (start, before), (stop, after) in pairwise(waits)
        if before > 0 and after == 0
    ]
    first, last = split(whole)
    return Countdowns(first_frame=first, last_frame=last)


def _goals(events: LoggedEvents, lives: list[Life]) -> Goals:
    scores = [0, 0]
    goals: list[tuple[int, int]] = []
    rows = zip(events.frame.tolist(), events.life.tolist(), events.a.tolist(), strict=True)
    for frame, life, score in rows:
        scorer = lives[life].team_number
        if scorer is None:
            continue
        if score > scores[scorer]:
            goals.append((frame, 1 - scorer))
        scores[scorer] = score
    frames, conceding = split(goals)
    return Goals(frame=frames, conceding_team=conceding)


def _demolitions(events: LoggedEvents, everyone: list[Dossier]) -> Demolitions:
    driver = {car.number: i for i, dossier in enumerate(everyone) for car in dossier.cars}
    rows: dict[int, tuple[int, int, int]] = {}
    reports = zip(events.frame.tolist(), events.a.tolist(), events.b.tolist(), strict=True)
    for frame, attacker, victim in reports:
        # a car dies once: other reports are repetitions, or the same in another attribute
        if victim >= 0:
            rows.setdefault(victim, (frame, driver.get(attacker, -1), driver.get(victim, -1)))
    table = np.array(list(rows.values()), dtype=np.int64).reshape(-1, 3)
    return Demolitions(
        frame=table[:, 0].copy(), attacker=table[:, 1].copy(), victim=table[:, 2].copy()
    )


def _tallied(events: LoggedEvents, lives: list[Life], everyone: list[Dossier]) -> Tallied:
    """Keep the rises; what a player comes with is from before the recording, or before a rejoin."""
    player = {info.number: i for i, dossier in enumerate(everyone) for info in dossier.infos}
    counts: dict[tuple[int, int], int] = {}
    rises: list[tuple[int, int, int, int]] = []
    columns = (events.frame, events.life, events.a, events.b)
    for frame, life, count, tally in zip(*(each.tolist() for each in columns), strict=True):
        came_with = count if frame == lives[life].first_frame else 0
        rise = count - counts.get((life, tally), came_with)
        if rise > 0 and life in player:
            rises.append((frame, player[life], tally, rise))
        counts[life, tally] = count
    table = np.array(rises, dtype=np.int64).reshape(-1, 4)
    return Tallied(
        frame=table[:, 0].copy(),
        player=table[:, 1].copy(),
        name=tuple(TALLIES[tally] for tally in table[:, 2].tolist()),
        by=table[:, 3].copy(),
    )


def _states(events: LoggedEvents, names: tuple[str, ...]) -> tuple[StateChange, ...]:
    states: list[StateChange] = []
    for frame, name in zip(events.frame.tolist(), events.a.tolist(), strict=True):
        if not states or states[-1].name != names[name]:
            states.append(StateChange(frame=frame, name=names[name]))
    return tuple(states)


def _game_clock(events: LoggedEvents) -> GameClock:
    changed = np.diff(events.a, prepend=events.a[:1] - 1) != 0
    return GameClock(frame=events.frame[changed], seconds=events.a[changed])
