"""Reports sorted by the life that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parsekit_local.stream.frames import Bools, Ints
from parsekit_local.stream.lives import Life


class RowsByLife:
    """Rows of a table, life after life, and of each life in the order of the stream."""

    def __init__(self, life: NDArray[Any], lives: int, columns: tuple[NDArray[Any], ...]) -> None:
        order = np.argsort(life, kind="stable")
        self.life: Ints = life[order]
        self.columns = tuple(column[order] for column in columns)
        self._lives = lives
        self._starts = np.searchsorted(self.life, np.arange(lives + 1))

    def of(self, life: Life) -> tuple[NDArray[Any], ...]:
        """Give the columns of one life."""
        rows = slice(self._starts[life.number], self._starts[life.number + 1])
        return tuple(column[rows] for column in self.columns)

    def only(self, kept: Bools) -> RowsByLife:
        """Leave the other rows out."""
        columns = tuple(column[kept] for column in self.columns)
        return RowsByLife(self.life[kept], self._lives, columns)

    def with_columns(self, *columns: NDArray[Any]) -> RowsByLife:
        """Put other columns in place of these, row by row."""
        return RowsByLife(self.life, self._lives, columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All that cars and balls are made of."""

    components: dict[int, list[Life]]  # boosts, by their car's number
    bodies: RowsByLife  # frame, position, velocity
    boosts: RowsByLife  # frame, amount; by component
    handbrake: RowsByLife  # frame, on
    pickups: RowsByLife  # frame, pad


def boosts_by_car(lives: list[Life]) -> dict[int, list[Life]]:
    """Find the boost components of each car, by the car's number."""
    found: dict[int, list[Life]] = {}
    for life in lives:
        if life.owner is not None and life.is_boost:
            found.setdefault(life.owner.number, []).append(life)
    return found


def unrepeated(life: NDArray[Any], in_keyframe: Bools, *columns: NDArray[Any]) -> Bools:
    """Find the rows that are news: a key frame repeats the last report of a life as it was."""
    same = in_keyframe[1:] & (life[1:] == life[:-1])
    for column in columns:
        equal = column[1:] == column[:-1]
        same &= equal if equal.ndim == 1 else equal.all(axis=1)
    news = np.ones(len(life), np.bool_)
    news[1:] = ~same
    return news
