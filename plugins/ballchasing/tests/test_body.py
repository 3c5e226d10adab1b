"""Which bodies with status `ok` are stored: all real ones, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from parsekit.errors import ParserFailed
from parsekit_ballchasing.response import check_body


def least_body() -> Any:
    """A training replay, as far as it is known: no playlist, no players, no duration."""
    return {
        "id": "r1",
        "link": "https://ballchasing.com/api/replays/r1",
        "created": "2026-03-10T20:00:00Z",
        "uploader": {},
        "status": "ok",
        "blue": {"color": "blue"},
        "orange": {},
    }


def test_real_bodies_pass(samples: dict[str, Any]) -> None:
    assert samples
    for body in samples.values():
        check_body(body, body["id"])


def test_the_least_known_body_passes() -> None:
    check_body(least_body(), "r1")


@pytest.mark.parametrize("key", ["id", "link", "created", "uploader", "status", "blue", "orange"])
def test_real_body_without_a_needed_field_is_refused(samples: dict[str, Any], key: str) -> None:
    body = copy.deepcopy(next(iter(samples.values())))
    replay_id = body["id"]
    del body[key]
    with pytest.raises(ParserFailed, match=key):
        check_body(body, replay_id)


@pytest.mark.parametrize(
    "players", ["many", {"0": {}}, [1], [None], [{"stats": []}], [{"stats": None}]]
)
def test_players_that_are_no_players_are_refused(players: Any) -> None:
    body = least_body() | {"blue": {"players": players}}
    with pytest.raises(ParserFailed, match="blue"):
        check_body(body, "r1")


def test_error_does_not_repeat_the_body() -> None:
    body = least_body() | {"orange": {"players": "x" * 10_000}}
    with pytest.raises(ParserFailed) as caught:
        check_body(body, "r1")
    assert len(str(caught.value)) < 200
