"""Where ball and players were: a grid of zones for each, with the share of the time in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsekit import Timeline, Track
from parsekit_report.pitch import NOWHERE, UNIT_UU, Pitch, relative

#: Zones along the field (two a third) and across it.
COLUMNS, ROWS = 6, 5
#: The share at which a zone is drawn in full colour.
_FULL = 0.16


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchZone:
    """One zone of a grid, in units of a picture. ``strength`` is 0 to 1, ``percent`` the share."""

    x: float
    y: float
    width: float
    height: float
    strength: float
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGrid:
    """The zones of ball or player, which attack to the right. ``seconds`` is what was counted."""

    label: str
    team: int | None
    seconds: float
    zones: tuple[PitchZone, ...]

    @property
    def rows(self) -> tuple[tuple[PitchZone, ...], ...]:
        """The zones as lines of a table, from the top."""
        return tuple(self.zones[i : i + COLUMNS] for i in range(0, len(self.zones), COLUMNS))


def grids_of(timeline: Timeline | None, pitch: Pitch) -> tuple[ZoneGrid, ...]:
    """Grids of the ball, as blue sees it, and of everybody, as the own team does."""
    if timeline is None or timeline.tracks is None or not timeline.tracks.ticks:
        return ()
    tracks = timeline.tracks
    ball = _grid("Ball", None, tracks.ball, tracks.rate_hz, pitch)
    cars = [
        _grid(player.name, player.team, car, tracks.rate_hz, pitch)
        for player, car in zip(timeline.players, tracks.cars, strict=True)
    ]
    return tuple(grid for grid in (ball, *cars) if grid.seconds > 0)


def _grid(label: str, team: int | None, track: Track, rate_hz: float, pitch: Pitch) -> ZoneGrid:
    counts = _counts(track, team, pitch)
    total = sum(counts)
    return ZoneGrid(
        label=label,
        team=team,
        seconds=total / rate_hz,
        zones=tuple(_zones(counts, total, pitch)),
    )


def _counts(track: Track, team: int | None, pitch: Pitch) -> list[int]:
    counts = [0] * (COLUMNS * ROWS)
    column = track.coordinates()
    for x, y in zip(column[0::3], column[1::3], strict=True):
        if x != NOWHERE:
            own_x, own_y = relative(x, y, team)
            along = int((own_y / pitch.length_uu + 1) / 2 * COLUMNS)
            across = int((-own_x / pitch.width_uu + 1) / 2 * ROWS)
            along, across = min(max(along, 0), COLUMNS - 1), min(max(across, 0), ROWS - 1)
            counts[across * COLUMNS + along] += 1
    return counts


def _zones(counts: Sequence[int], total: int, pitch: Pitch) -> Iterator[PitchZone]:
    width = 2 * pitch.length_uu / UNIT_UU / COLUMNS
    height = 2 * pitch.width_uu / UNIT_UU / ROWS
    for index, count in enumerate(counts):
        across, along = divmod(index, COLUMNS)
        share = count / total if total else 0.0
        yield PitchZone(
            x=round(along * width - pitch.length, 1),
            y=round(across * height - pitch.width, 1),
            width=round(width, 1),
            height=round(height, 1),
            strength=round(min(1.0, share / _FULL), 2),
            percent=100 * share,
        )
