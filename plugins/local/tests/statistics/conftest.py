"""Statistics of every good replay, decoded once, and Ballchasing's bodies of three of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parsekit import JsonObject
from parsekit_local.statistics import MatchStatistics, compute, team_sums
from parsekit_local.stream.decoder import decode
from parsekit_local.stream.frames import Frames, PlayerTrack

COLORS = ("blue", "orange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One number that Ballchasing published, and ours."""

    pair: str
    group: str
    field: str
    whose: str
    want: float
    got: float | None

    @property
    def exact(self) -> bool:
        return self.want == self.got

    @property
    def within_percent(self) -> bool:
        """Counts must be equal; whole uu may be cut on the other side; else 1 %."""
        if self.got is None:
            return False
        if "count_" in self.field or self.field.startswith(("goals_", "inflicted", "taken")):
            return self.exact
        return abs(self.want - self.got) <= max(0.01 * abs(self.want), 0.011)


@pytest.fixture(scope="session")
def matches(good_replays: list[Path]) -> dict[str, tuple[Frames, MatchStatistics]]:
    found = {}
    for path in good_replays:
        frames = decode(path.read_bytes()).frames
        found[path.stem] = (frames, compute(frames))
    return found


@pytest.fixture(scope="session")
def values(
    samples: dict[str, JsonObject], matches: dict[str, tuple[Frames, MatchStatistics]]
) -> list[Value]:
    """Every number of the pairs' bodies that statistics can give."""
    found: list[Value] = []
    for pair, body in samples.items():
        frames, statistics = matches[pair]
        found += _match(pair, body, frames, statistics)
    return found


def _match(
    pair: str, body: Mapping[str, Any], frames: Frames, statistics: MatchStatistics
) -> Iterator[Value]:
    for number, color in enumerate(COLORS):
        published = body[color]
        order = [_find(player, frames.team(number)) for player in published["players"]]
        sums = team_sums([statistics.players[i].groups() for i in order])
        groups = {**sums, "ball": statistics.ball[number]}
        for group in ("boost", "movement", "positioning", "demo", "ball"):
            for field, want in published["stats"][group].items():
                got = groups[group].get(field)
                yield _value(pair, f"team {group}", field, color, want, got)
        for index, player in zip(order, published["players"], strict=True):
            yield from _player(pair, player, statistics, index)


def _player(
    pair: str, player: Mapping[str, Any], statistics: MatchStatistics, index: int
) -> Iterator[Value]:
    ours = statistics.players[index]
    for field in ("start_time", "end_time"):
        yield _value(pair, "clock", field, player["name"], player[field], getattr(ours, field))
    for group in ("boost", "movement", "positioning", "demo"):
        for field, want in player["stats"][group].items():
            got = ours.groups()[group].get(field)
            yield _value(pair, group, field, player["name"], want, got)


def _value(pair: str, group: str, field: str, whose: str, want: float, got: float | None) -> Value:
    return Value(pair=pair, group=group, field=field, whose=whose, want=want, got=got)


def _find(player: Mapping[str, Any], team: Mapping[int, PlayerTrack]) -> int:
    """Match by account: Ballchasing mangles names."""
    wanted = player["id"].get("id")
    for index, track in team.items():
        if wanted is not None and wanted == _published_id(track):
            return index
    return next(index for index, track in team.items() if track.name == player["name"])


def _published_id(track: PlayerTrack) -> str | None:
    if track.account is None:
        return None
    if track.account.platform == "xbox":
        return int(track.account.id).to_bytes(8, "little").hex()
    return track.account.online_name or track.account.id
