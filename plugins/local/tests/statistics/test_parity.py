"""Our numbers against Ballchasing's, for the three replays whose bodies we have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import pytest

MODERN = "recent-"
OLD = "old-"


def share(values: Sequence[Any], is_good: Callable[[Any], bool]) -> float:
    assert values
    return sum(map(is_good, values)) / len(values)


def worst(values: Sequence[Any], is_good: Callable[[Any], bool]) -> str:
    return "\n".join(
        f"{v.pair} {v.group}.{v.field} of {v.whose}: {v.want} published, {v.got} computed"
        for v in values
        if not is_good(v)
    )


@pytest.mark.parametrize("group", ["boost", "movement", "demo", "clock"])
def test_every_digit_of_these_groups_is_ballchasings(values: list[Any], group: str) -> None:
    mine = [v for v in values if v.group == group]

    assert share(mine, attrgetter("exact")) == 1, worst(mine, attrgetter("exact"))


def test_every_digit_of_modern_positioning_is_ballchasings(values: list[Any]) -> None:
    mine = [v for v in values if v.group == "positioning" and v.pair.startswith(MODERN)]

    assert share(mine, attrgetter("exact")) == 1, worst(mine, attrgetter("exact"))


@pytest.mark.parametrize("group", ["boost", "movement", "demo", "ball"])
def test_every_digit_of_these_team_sums_is_ballchasings(values: list[Any], group: str) -> None:
    mine = [v for v in values if v.group == f"team {group}"]

    assert share(mine, attrgetter("exact")) == 1, worst(mine, attrgetter("exact"))


def test_positioning_of_the_old_replay_is_within_a_percent(values: list[Any]) -> None:
    mine = [v for v in values if v.group == "positioning" and v.pair.startswith(OLD)]

    assert share(mine, attrgetter("within_percent")) > 0.99, worst(
        mine, attrgetter("within_percent")
    )
    assert share(mine, attrgetter("exact")) > 0.89


@pytest.mark.parametrize(("era", "exact", "close"), [(MODERN, 1, 1), (OLD, 0.965, 0.997)])
def test_parity_of_all_values(values: list[Any], era: str, exact: float, close: float) -> None:
    mine = [v for v in values if v.pair.startswith(era)]

    assert share(mine, attrgetter("exact")) >= exact, worst(mine, attrgetter("exact"))
    assert share(mine, attrgetter("within_percent")) >= close, worst(
        mine, attrgetter("within_percent")
    )


def test_no_field_is_invented(values: list[Any], matches: dict[str, Any]) -> None:
    published = {(v.group, v.field) for v in values}
    for pair in {v.pair for v in values}:
        for player in matches[pair][1].players.values():
            ours = {(group, f) for group, fields in player.groups().items() for f in fields}
            assert ours <= published
