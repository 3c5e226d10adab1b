"""What a body calls absent itself is shown and compared nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from parsekit.body.grades import known
from parsekit.shadow.compare import compare


def body(**more: Any) -> dict[str, Any]:
    """A match of one player whose scoreboard alone is known."""
    core, boost = {"goals": 1, "score": 100}, {"bpm": 0}
    return {
        "duration": 0,
        "title": "Final",
        "blue": {
            "name": "Alphas",
            "players": [{"name": "Ada", "stats": {"core": core, "boost": boost}}],
            "stats": {"core": core, "boost": boost},
        },
        "fidelity": {
            "unmeasured": "approximate",
            "grades": {
                "duration": "absent",
                "players.stats": "absent",
                "players.stats.core": "exact",
                "teams.stats.boost": "absent",
            },
        },
        **more,
    }


def test_what_is_absent_is_left_out_and_the_longest_path_wins() -> None:
    found = known(body())
    assert "duration" not in found
    assert found["title"] == "Final"
    (player,) = found["blue"]["players"]
    assert player == {
        "name": "Ada",
        "stats": {"core": {"goals": 1, "score": 100}, "boost": {}},
    }
    assert found["blue"]["stats"] == {"core": {"goals": 1, "score": 100}, "boost": {}}


def test_what_has_no_grade_has_that_of_the_unmeasured() -> None:
    grades = {"unmeasured": "absent", "grades": {"title": "exact", "players.name": "exact"}}
    found = known(body(fidelity=grades))
    assert found["title"] == "Final"
    assert "duration" not in found
    assert found["blue"]["players"] == [{"name": "Ada", "stats": {"core": {}, "boost": {}}}]


@pytest.mark.parametrize(
    "odd", [None, 3, "absent", [], {}, {"grades": [1]}, {"grades": {"title": []}}]
)
def test_grades_of_another_form_are_none(odd: Any) -> None:
    plain = body(fidelity=odd)
    found = known(plain)
    assert {**found, "fidelity": odd} == plain


def test_the_body_itself_stays_as_it_is() -> None:
    given = body()
    known(given)
    assert given == body()


def test_a_body_without_grades_is_whole() -> None:
    plain = {"duration": 0, "blue": {"players": [{"name": "Ada"}]}}
    assert known(plain) == plain


def test_what_one_body_calls_absent_is_not_compared() -> None:
    """Zeros beside real numbers would enter every percentage and median."""
    theirs = body(duration=300, fidelity=None)
    theirs["blue"]["players"][0]["stats"]["boost"]["bpm"] = 412
    for pair in ((body(), theirs), (theirs, body())):
        found = {each.field: each.differing for each in compare(*pair)}
        assert not any(found.values())
        assert {"title", "players.stats.core.goals", "teams.stats.core.goals"} <= found.keys()
        assert not {"duration", "players.stats.boost.bpm"} & found.keys()
        assert not any(name.startswith("fidelity") for name in found)
