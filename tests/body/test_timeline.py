"""A timeline comes from a process that a hostile replay may have taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsekit
from parsekit.body.timeline import MatchEvent, Timeline, TimelinePlayer, Track, Tracks
from parsekit.parsers.isolation.protocol import decode_reply
from parsekit.testing import write_replay

_PLACE = b"\x01\x00\xff\xff\x05\x00"
_TIMELINE = Timeline(
    definitions="1",
    duration_s=0.1,
    players=(TimelinePlayer(name="Ann", platform="steam", id="7", team=0),),
    events=(
        MatchEvent(kind="goal", time_s=None, team=0, player=0),
        MatchEvent(
            kind="touch", time_s=0.1, position=(1.0, 2.5, -3.0), values={"speed": 3, "by": "x"}
        ),
    ),
    tracks=Tracks(
        rate_hz=10,
        ticks=2,
        clock=b"\x2c\x01\x2b\x01",
        ball=Track(position=_PLACE * 2),
        cars=(Track(position=_PLACE * 2, boost=b"\x21\x22"),),
    ),
)


def written() -> Any:
    return json.loads(json.dumps(_TIMELINE.to_json()))


def test_a_timeline_survives_the_way_through_json():
    read = Timeline.from_json(written())
    assert read == _TIMELINE
    assert read.tracks is not None
    assert read.tracks.ball.coordinates().tolist() == [1, -1, 5, 1, -1, 5]
    assert read.tracks.clock_seconds().tolist() == [300, 299]


def _cut(json_: Any) -> None:
    json_["tracks"]["ball"] = json_["tracks"]["ball"][:-4]


_DAMAGE: dict[str, Callable[[Any], None]] = {
    "a track that is too short": _cut,
    "more ticks than columns": lambda j: j["tracks"].update(ticks=3),
    "ticks without end": lambda j: j["tracks"].update(ticks=10**12),
    "a rate of nothing": lambda j: j["tracks"].update(rate_hz=0),
    "no car of the player": lambda j: j["tracks"].update(cars=[]),
    "a player who is not there": lambda j: j["events"][0].__setitem__(6, 1),
    "a player before the first": lambda j: j["events"][0].__setitem__(6, -1),
    "an infinite time": lambda j: j["events"][0].__setitem__(1, 1e999),
    "a time that is true": lambda j: j["events"][0].__setitem__(1, True),
    "a third team": lambda j: j["events"][0].__setitem__(5, 2),
    "a kind that is markup": lambda j: j["events"][0].__setitem__(0, "<img src=x>"),
    "a confidence of its own": lambda j: j["events"][0].__setitem__(9, "sure"),
    "a value that is a list": lambda j: j["events"][0].__setitem__(10, {"x": [1]}),
    "a name of a value that is markup": lambda j: j["events"][0].__setitem__(10, {"<b>": 1}),
    "a thousand values": lambda j: j["events"][0].__setitem__(10, {f"v{i}": i for i in range(999)}),
    "a place in the plane": lambda j: j["events"][0].__setitem__(8, [1.0, 2.0]),
    "an event that is cut off": lambda j: j["events"][0].pop(),
    "events without end": lambda j: j.update(events=j["events"] * 10_001),
    "players without end": lambda j: j.update(players=j["players"] * 300),
    "no events": lambda j: j.pop("events"),
}


@pytest.mark.parametrize("damage", _DAMAGE.values(), ids=_DAMAGE)
def test_a_damaged_timeline_makes_no_sense(damage: Callable[[Any], None]):
    timeline = written()
    damage(timeline)
    body = json.dumps(["1", "parsed", {"data": {}, "warnings": [], "timeline": timeline}])
    with pytest.raises(ValueError, match=r".*"):
        decode_reply(body.replace("Infinity", "1e999").encode(), "1")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(member=st.sampled_from(sorted(_TIMELINE.to_json())), value=_JSON)
def test_any_json_in_a_member_is_refused_or_read(member: str, value: Any):
    body = {"data": {}, "warnings": [], "timeline": {**written(), member: value}}
    try:
        decode_reply(json.dumps(["1", "parsed", body], allow_nan=False).encode(), "1")
    except ValueError:
        return


def test_names_are_no_longer_than_any_player_s():
    timeline = written()
    timeline["players"][0][0] = "x" * 5000
    assert len(Timeline.from_json(timeline).players[0].name) == 128


class TestOnTheWayThroughThePipeline:
    @pytest.fixture(autouse=True)
    def _own_data(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def test_who_asks_gets_one_though_the_body_is_stored(self, tmp_path: Path):
        replay = write_replay(tmp_path / "a.replay")
        plain = parsekit.parse(replay)
        assert plain.ok
        assert plain.timeline is None
        asked = parsekit.parse(replay, timeline=True)
        assert asked.timeline is not None
        assert asked.data == plain.data
        assert parsekit.parse(replay).cached

    def test_many_are_answered_in_order_with_what_can_t_be_parsed(self, tmp_path: Path):
        write_replay(tmp_path / "a.replay")
        (tmp_path / "b.replay").write_bytes(b"none")
        missing = tmp_path / "missing.replay"
        outcomes = list(parsekit.parse_all([tmp_path, missing], timeline=True, jobs=2))
        assert [Path(each.replay).name for each in outcomes] == [
            "a.replay",
            "b.replay",
            "missing.replay",
        ]
        assert [each.failure and each.failure.code for each in outcomes] == [
            None,
            "invalid_replay",
            "replay_not_found",
        ]
        assert outcomes[0].timeline is not None
