"""Bodies beside Ballchasing's own of the same replays."""

from __future__ import annotations

import pytest

from parsekit import JsonObject
from parsekit_local.fidelity.comparison import Compared, compare

_PAIRS = (
    "old-ballchasing-midfield-car",
    "recent-ranked-doubles-2026-03-10",
    "recent-ranked-standard-2026-03-10-a",
)
#: Fields that come from header, loadout, camera and tables: they have to be right.
_PLAIN = (
    "players.start_time",
    "players.end_time",
    "players.name",
    "players.id",
    "players.mvp",
    "players.rank",
    "players.car_",
    "players.camera",
    "players.steering_sensitivity",
    "players.stats.core",
    "players.stats.demo",
    "teams.color",
    "teams.name",
    "teams.stats.core",
    "teams.stats.demo",
)


@pytest.fixture(scope="module", params=_PAIRS)
def pair(
    request: pytest.FixtureRequest, bodies: dict[str, JsonObject], samples: dict[str, JsonObject]
) -> list[Compared]:
    return list(compare(samples[request.param], bodies[request.param]))


def _off(values: list[Compared]) -> list[str]:
    return [f"{v.field} of {v.where}: {v.wanted}, got {v.got}" for v in values if not v.exact]


def test_the_match_is_equal(pair: list[Compared]) -> None:
    assert _off([value for value in pair if value.where == "match"]) == []


def test_players_cars_cameras_and_scores_are_equal(pair: list[Compared]) -> None:
    assert _off([value for value in pair if value.field.startswith(_PLAIN)]) == []


@pytest.mark.parametrize("group", ["boost", "movement"])
def test_groups_equal_the_published_digits(pair: list[Compared], group: str) -> None:
    values = [value for value in pair if f".stats.{group}." in value.field]
    assert sum(value.exact for value in values) >= 0.98 * len(values), _off(values)


def test_players_stand_in_the_same_order(
    bodies: dict[str, JsonObject], samples: dict[str, JsonObject]
) -> None:
    for name, sample in samples.items():
        for color in ("blue", "orange"):
            wanted = [player["id"] for player in sample[color]["players"]]
            assert [player["id"] for player in bodies[name][color]["players"]] == wanted


def test_fields_stand_in_the_same_order(
    bodies: dict[str, JsonObject], samples: dict[str, JsonObject]
) -> None:
    for name, sample in samples.items():
        ours = [key for key in bodies[name] if key in sample]
        assert ours == [key for key in sample if key in bodies[name]]
        theirs = sample["blue"]["players"][0]
        player = bodies[name]["blue"]["players"][0]
        assert [key for key in player if key in theirs] == list(theirs)
