"""Boost: amounts, collections, thefts and waste. The game counts in bytes, 255 is 100 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parsekit_local.statistics.clock import Presence
from parsekit_local.statistics.pads import SMALL_PAD, field_of
from parsekit_local.statistics.published import Group, percent, ratio, seconds, with_percents
from parsekit_local.statistics.thresholds import GROUND_Z, SUPERSONIC_SPEED
from parsekit_local.statistics.updates import latest, speed
from parsekit_local.stream.frames import Bools, BoostSamples, Car, Floats, Frames, Ints, PlayerTrack

FULL_BYTE = 255
_PERCENT = 100 / FULL_BYTE

#: What a pad gives at least, in bytes, to a car that burned meanwhile; a tank that fills up by
#: itself rises by less.
_SMALLEST_GAIN = 20

_BANDS = ("boost_0_25", "boost_25_50", "boost_50_75", "boost_75_100")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """Successive samples of one boost component: what it held before and after, in bytes."""

    frame: Ints
    seconds: Floats
    before: Ints
    after: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collected:
    """Rises of boost, each from one pad: in which frame, and where the car was that took it.

    ``from_pad`` tells whether a pad gave it: boost that fills up by itself, as in some modes, rises
    on and on in small steps after the first rise from a pad.
    """

    frame: Ints
    from_pad: Bools
    place: Floats  # (n, 3)
    amount: Ints
    overfill: Ints
    big: Bools
    stolen: Bools


def boost(frames: Frames, player: PlayerTrack, presence: Presence) -> Group:
    """Compute the boost group of one player who has a team."""
    parts = _components(player)
    changes = [_changes(frames, samples) for _, samples in parts]
    amounts = [samples.amount for _, samples in parts]
    found = _amounts(np.concatenate([np.zeros(0, np.int64), *amounts]), changes)
    found |= _pads(collected(frames, player))
    fast = sum(_spent_supersonic(car, c) for (car, _), c in zip(parts, changes, strict=True))
    found["amount_used_while_supersonic"] = _whole(fast)
    found["bcpm"] = ratio(60, found["amount_collected"], presence.active_s)
    for name in ("zero_boost", "full_boost"):
        found[f"percent_{name}"] = percent(found[f"time_{name}"], presence.active_s)
    return found


def _components(player: PlayerTrack) -> list[tuple[Car, BoostSamples]]:
    return [(car, samples) for car in player.cars for samples in car.boosts]


def _changes(frames: Frames, samples: BoostSamples) -> Changes:
    return Changes(
        frame=samples.frame[1:],
        seconds=np.diff(frames.seconds_at(samples.frame)),
        before=samples.amount[:-1],
        after=samples.amount[1:],
    )


def _amounts(samples: Ints, changes: Sequence[Changes]) -> dict[str, float]:
    """Levels: means over samples, not over time; nothing is drained between samples."""
    bands = np.zeros(len(_BANDS))
    zero = full = spent = 0.0
    for change in changes:
        band = np.minimum((change.after * _PERCENT / 25).astype(np.int64), len(_BANDS) - 1)
        bands += np.bincount(band, weights=change.seconds, minlength=len(_BANDS))
        # an equal sample starts these two timers anew and loses what they had
        moved = np.where(change.before == change.after, 0, change.seconds)
        zero += float(moved[change.before == 0].sum())
        full += float(moved[change.before == FULL_BYTE].sum())
        spent += float(_falls(change).sum())
    whole = float(bands.sum())
    found = with_percents(dict(zip(_BANDS, bands.tolist(), strict=True)), _BANDS)
    return found | {
        "avg_amount": seconds(samples.mean() * _PERCENT) if len(samples) else 0,
        "bpm": int(60 * spent * _PERCENT / whole) if whole else 0,
        "time_zero_boost": seconds(zero),
        "time_full_boost": seconds(full),
    }


def _falls(change: Changes) -> Ints:
    fall: Ints = np.maximum(change.before - change.after, 0)
    return fall


def collected(frames: Frames, player: PlayerTrack) -> Collected:
    """Attribute each rise to the pad that the car took last, however long ago.

    A rise of a car that took none yet is not counted.
    """
    frame, from_pad, amount, final, places = [], [], [], [], []
    for car, samples in _components(player):
        change = _changes(frames, samples)
        taken = latest(car.pickups.frame, change.frame)
        rise = (change.after > change.before) & (taken >= 0) & (len(car.bodies) > 0)
        frame.append(change.frame[rise])
        gained = (change.after - change.before)[rise]
        from_pad.append((np.diff(taken[rise], prepend=-1) != 0) | (gained >= _SMALLEST_GAIN))
        amount.append(gained)
        final.append(change.after[rise])
        where = np.maximum(latest(car.bodies.frame, car.pickups.frame[taken[rise]]), 0)
        places.append(car.bodies.position[where])
    rises = np.concatenate([np.zeros(0, np.int64), *amount])
    place = np.concatenate([np.zeros((0, 3)), *places])
    big, pad_y = field_of(frames.match).nearest(place, rises)
    wasted = np.maximum(np.where(big, FULL_BYTE, SMALL_PAD) - rises, 0)
    full = np.concatenate([np.zeros(0, np.int64), *final]) == FULL_BYTE
    return Collected(
        frame=np.concatenate([np.zeros(0, np.int64), *frame]),
        from_pad=np.concatenate([np.zeros(0, np.bool_), *from_pad]),
        place=place,
        amount=rises,
        overfill=np.where(full, wasted, 0),
        big=big,
        stolen=pad_y * (-1 if player.team else 1) > 0,
    )


def _pads(got: Collected) -> dict[str, float]:
    small, stolen = ~got.big, got.stolen
    found: dict[str, float] = {}
    for verb, mask in (("collected", np.ones_like(stolen)), ("stolen", stolen)):
        found[f"amount_{verb}_big"] = _whole(got.amount[mask & got.big].sum())
        found[f"amount_{verb}_small"] = _whole(got.amount[mask & small].sum())
        found[f"amount_{verb}"] = found[f"amount_{verb}_big"] + found[f"amount_{verb}_small"]
        found[f"count_{verb}_big"] = int((mask & got.big).sum())
        found[f"count_{verb}_small"] = int((mask & small).sum())
    found["amount_overfill"] = _whole(got.overfill.sum())
    found["amount_overfill_stolen"] = _whole(got.overfill[stolen].sum())
    return found


def _spent_supersonic(car: Car, change: Changes) -> int:
    """Sum what was spent in frames that end supersonic, on the ground."""
    if not len(car.bodies):
        return 0
    at = np.maximum(latest(car.bodies.frame, change.frame), 0)
    fast = (speed(car.bodies)[at] >= SUPERSONIC_SPEED) & (car.bodies.position[at, 2] <= GROUND_Z)
    return int(_falls(change)[fast].sum())


def _whole(amount: float) -> int:
    """Turn bytes into whole percent, cutting off the rest; a hair against float noise."""
    return int(amount * _PERCENT + 1e-6)
