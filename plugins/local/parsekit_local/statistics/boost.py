"""Boost: amounts, collections, thefts and waste. The game counts in bytes, 255 is 100 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parsekit_local.statistics.clock import Presence
from parsekit_local.statistics.pads import SMALL_PAD, Field, field_of
from parsekit_local.statistics.published import Group, percent, ratio, seconds, with_percents
from parsekit_local.statistics.thresholds import GROUND_Z, SUPERSONIC_SPEED
from parsekit_local.statistics.updates import latest, speed
from parsekit_local.stream.frames import Bools, BoostSamples, Car, Floats, Frames, Ints, PlayerTrack

_FULL = 255
_PERCENT = 100 / _FULL

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
    """Rises of boost, each from one pad."""

    amount: Ints
    overfill: Ints
    big: Bools
    stolen: Bools


def boost(frames: Frames, player: PlayerTrack, presence: Presence) -> Group:
    """Compute the boost group of one player who has a team."""
    parts = [(car, samples) for car in player.cars for samples in car.boosts]
    changes = [_changes(frames, samples) for _, samples in parts]
    amounts = [samples.amount for _, samples in parts]
    found = _amounts(np.concatenate([np.zeros(0, np.int64), *amounts]), changes)
    found |= _pads(_collected(parts, changes, -1 if player.team else 1, field_of(frames.match)))
    fast = sum(_spent_supersonic(car, c) for (car, _), c in zip(parts, changes, strict=True))
    found["amount_used_while_supersonic"] = _whole(fast)
    found["bcpm"] = ratio(60, found["amount_collected"], presence.active_s)
    for name in ("zero_boost", "full_boost"):
        found[f"percent_{name}"] = percent(found[f"time_{name}"], presence.active_s)
    return found


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
        full += float(moved[change.before == _FULL].sum())
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


def _collected(
    parts: Sequence[tuple[Car, BoostSamples]],
    changes: Sequence[Changes],
    side: int,
    field: Field,
) -> Collected:
    """Attribute each rise to the pad that the car took last, however long ago.

    A rise of a car that took none yet is not counted.
    """
    amount, final, places = [], [], []
    for (car, _), change in zip(parts, changes, strict=True):
        taken = latest(car.pickups.frame, change.frame)
        rise = (change.after > change.before) & (taken >= 0) & (len(car.bodies) > 0)
        amount.append((change.after - change.before)[rise])
        final.append(change.after[rise])
        where = np.maximum(latest(car.bodies.frame, car.pickups.frame[taken[rise]]), 0)
        places.append(car.bodies.position[where])
    rises = np.concatenate([np.zeros(0, np.int64), *amount])
    big, pad_y = field.nearest(np.concatenate([np.zeros((0, 3)), *places]), rises)
    wasted = np.maximum(np.where(big, _FULL, SMALL_PAD) - rises, 0)
    full = np.concatenate([np.zeros(0, np.int64), *final]) == _FULL
    return Collected(
        amount=rises, overfill=np.where(full, wasted, 0), big=big, stolen=pad_y * side > 0
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
