from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from parsekit import JsonObject, Parsed

#: Files without a network stream: nothing that a match's body needs but the scoreboard.
WITHOUT_FRAMES = {"6688", "7588d", "no-frames"}
#: A training session, whose players Ballchasing does not list.
TRAINING = {"b62e"}
#: What the callers' contract wants of bots and of Nintendo players, and Ballchasing does not give.
_IDS_BEYOND_THE_CONTRACT = {"'id' is a required property", "'platform' is a required property"}


@pytest.fixture(scope="module")
def ballchasing(shared: Path) -> Draft202012Validator:
    schema = json.loads((shared / "ballchasing" / "replay.schema.json").read_text())
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.fixture(scope="module")
def contract(shared: Path) -> Draft202012Validator:
    schema = json.loads((shared / "contract" / "result.schema.json").read_text())
    data = {**schema["properties"]["data"], "$defs": schema["$defs"]}
    return Draft202012Validator(data, format_checker=FormatChecker())


def _faults(validator: Draft202012Validator, body: JsonObject) -> list[str]:
    return [f"{list(fault.path)}: {fault.message[:200]}" for fault in validator.iter_errors(body)]


def test_every_match_has_the_shape_of_ballchasing_s_body(
    bodies: dict[str, JsonObject], ballchasing: Draft202012Validator
) -> None:
    faults = {
        name: found
        for name, body in bodies.items()
        if name not in WITHOUT_FRAMES and (found := _faults(ballchasing, body))
    }
    assert faults == {}


def test_every_body_has_what_callers_rely_on(
    bodies: dict[str, JsonObject], contract: Draft202012Validator
) -> None:
    for name, body in bodies.items():
        for fault in contract.iter_errors(body):
            beyond = "id" in fault.absolute_path and (
                fault.message in _IDS_BEYOND_THE_CONTRACT or "psynet" in fault.message
            )
            assert beyond, (name, fault.message)


def test_every_real_replay_is_parsed_whole(good: dict[str, Parsed]) -> None:
    """The library reads all of them, so none may lose anything."""
    streams = {name: parsed.data["fidelity"]["stream"] for name, parsed in good.items()}
    assert {name for name, stream in streams.items() if stream == "header only"} == WITHOUT_FRAMES
    assert "cut" not in streams.values()


def test_bodies_are_json(bodies: dict[str, JsonObject]) -> None:
    for body in bodies.values():
        assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_a_replay_without_frames_has_its_scoreboard(
    bodies: dict[str, JsonObject], contract: Draft202012Validator
) -> None:
    body = bodies["7588d"]
    assert [len(body[color]["players"]) for color in ("blue", "orange")] == [2, 3]
    assert all(group == {} for group in body["blue"]["stats"].values())
    assert all(group == {} for group in body["blue"]["players"][0]["stats"].values())
    assert (body["map_code"], body["playlist_id"], body["duration"]) == ("unknown", "unknown", 0)
    grades = body["fidelity"]["grades"]
    absent = ("players.stats", "teams.stats", "map_code", "duration", "overtime")
    assert [grades[field] for field in absent] == ["absent"] * 5
    assert (grades["players.name"], grades["players.id"]) == ("exact", "exact")
    assert _faults(contract, body) == []


def test_a_training_session_has_the_match_and_no_players(
    bodies: dict[str, JsonObject], ballchasing: Draft202012Validator
) -> None:
    body = bodies["b62e"]
    assert (body["match_type"], body["playlist_id"]) == ("Training", "unknown")
    assert body["blue"]["players"] == body["orange"]["players"] == []
    assert body["blue"]["stats"]["boost"]["bpm"] == 0
    assert body["blue"]["stats"]["ball"]["time_in_side"] > 0
    assert _faults(ballchasing, body) == []


def test_what_the_site_adds_is_derived_from_the_content(bodies: dict[str, JsonObject]) -> None:
    assert len({body["id"] for body in bodies.values()}) == len(bodies)
    assert len({body["match_guid"] for body in bodies.values()}) == len(bodies)
    for body in bodies.values():
        assert uuid.UUID(body["id"]).version == 5
        assert body["link"].startswith("urn:parsekit:sha256:")
        assert "ballchasing" not in json.dumps(body["uploader"])
        assert body["fidelity"]["grades"]["link"] == "absent"


def test_a_match_guid_that_the_replay_lacks_is_marked(bodies: dict[str, JsonObject]) -> None:
    body = bodies["old-ballchasing-midfield-car"]
    assert uuid.UUID(body["match_guid"]).version == 5
    assert body["fidelity"]["grades"]["match_guid"] == "absent"
    assert bodies["4375"]["fidelity"]["grades"]["match_guid"] == "exact"
