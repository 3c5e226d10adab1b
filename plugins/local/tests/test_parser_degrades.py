"""What is left of a replay when its network stream, or a part of it, can't be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit import Job, Parsed
from parsekit.errors import InvalidReplay, ParsekitError, ParserFailed, ReplayNotFound
from parsekit.testing import believable_match, synthetic_replay, write_replay
from parsekit_local import parser
from parsekit_local.stream.frames import DecodeFailed

Parse = Callable[..., Parsed]
_MATCH = believable_match(team_size=2, seed=3)
_SMALL = synthetic_replay(believable_match(team_size=2, bots=1), frames=60)


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A replay whose stream turns into noise half-way."""
    path = write_replay(tmp_path / "cut.replay", _MATCH, frames=900)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 30] = b"\xff" * 30
    path.write_bytes(content)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_replay(tmp_path / "whole.replay", _MATCH, frames=900)


def _fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def decode(data: bytes) -> None:
        raise error

    monkeypatch.setattr(parser, "decode", decode)


def test_a_cut_stream_gives_what_came_before(parse: Parse, cut: Path, whole: Path) -> None:
    half, all_of_it = parse(cut), parse(whole)
    assert half.data["fidelity"]["stream"] == "cut"
    assert 0 < half.data["duration"] < all_of_it.data["duration"]
    assert half.data["blue"]["players"][0]["stats"]["movement"]["total_distance"] > 0
    assert "read up to frame" in half.warnings[0]
    assert "game build " in half.warnings[0]


def test_a_cut_stream_leaves_the_header_s_facts_as_they_are(
    parse: Parse, cut: Path, whole: Path
) -> None:
    half, all_of_it = parse(cut).data, parse(whole).data
    for field in ("title", "map_name", "team_size", "season", "date", "rocket_league_id"):
        assert half[field] == all_of_it[field]
    for color in ("blue", "orange"):
        assert half[color]["stats"]["core"] == all_of_it[color]["stats"]["core"]


def test_grades_of_a_cut_stream_promise_less(parse: Parse, cut: Path, whole: Path) -> None:
    half, all_of_it = (parse(path).data["fidelity"]["grades"] for path in (cut, whole))
    assert all_of_it["players.stats.boost"] == "exact"
    assert half["players.stats.boost"] == "approximate"
    assert half["players.stats.core"] == all_of_it["players.stats.core"] == "exact"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_anywhere_raises_only_published_errors(
    parse: Parse, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The host's checksums stop such files; this is what stands behind them."""
    path = tmp_path_factory.getbasetemp() / "damaged.replay"
    content = bytearray(_SMALL)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(ParsekitError):
        json.dumps(parse(path).data, allow_nan=False)


def test_values_that_nobody_has_seen_cost_only_the_stream(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_with(monkeypatch, IndexError("list index out of range"))
    parsed = parse(whole)
    assert "makes no sense: IndexError" in parsed.warnings[0]
    assert parsed.data["fidelity"]["stream"] == "header only"


def test_an_unknown_attribute_is_named_with_the_build(parse: Parse, shared: Path) -> None:
    parsed = parse(shared / "replays" / "bad" / "fuzz-large-object-id.replay")
    assert "Ball_TA:GameEvent is unknown to the decoder" in parsed.warnings[0]
    assert "(game build 160513.59355.132594)" in parsed.warnings[0]
    assert parsed.data["fidelity"]["stream"] == "header only"


def test_without_a_stream_the_header_s_match_is_left(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = parse(whole).data
    _fail_with(monkeypatch, DecodeFailed("the network stream can't be read"))
    body = parse(whole).data
    assert body["blue"]["stats"]["core"] == complete["blue"]["stats"]["core"]
    player = body["blue"]["players"][0]
    assert player["name"] == complete["blue"]["players"][0]["name"]
    assert player["stats"]["boost"] == player["stats"]["movement"] == {}
    assert "server" not in body
    assert body["fidelity"]["grades"]["players.stats.boost"] == "absent"


def test_a_panic_in_native_code_costs_only_the_stream(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        """As pyo3 raises it: no Exception, and not importable."""

    _fail_with(monkeypatch, PanicException("index out of bounds"))
    parsed = parse(whole)
    assert "panicked: index out of bounds" in parsed.warnings[0]
    assert parsed.data["fidelity"]["stream"] == "header only"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_is_never_swallowed(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    _fail_with(monkeypatch, end())
    with pytest.raises(end):
        parse(whole)


def test_another_parser_is_asked_where_one_stands_by(parse: Parse, cut: Path) -> None:
    with pytest.raises(ParserFailed, match="read up to frame"):
        parse(cut, Job(task_id="test", has_fallback=True))


def test_statistics_that_can_not_be_computed_cost_only_themselves(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(frames: object) -> None:
        raise ZeroDivisionError("no time passed")

    monkeypatch.setattr(parser, "compute", compute)
    parsed = parse(whole)
    assert "ZeroDivisionError: no time passed" in parsed.warnings[0]
    assert parsed.data["server"]


def test_a_broken_header_is_an_invalid_replay(parse: Parse, shared: Path) -> None:
    with pytest.raises(InvalidReplay, match="at byte 0"):
        parse(shared / "replays" / "bad" / "fuzz-slice-index.replay")


def test_a_file_that_vanished_is_not_found(
    parse: Parse, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_with(monkeypatch, FileNotFoundError(2, "No such file or directory"))
    with pytest.raises(ReplayNotFound, match="No such file"):
        parse(whole)


def test_progress_only_rises_within_the_parser_s_share(parse: Parse, whole: Path) -> None:
    told: list[float] = []
    parse(whole, Job(task_id="test", progress=lambda value, _: told.append(value)))
    assert told == sorted(told)
    assert 20 <= told[0] <= told[-1] <= 90


def test_nothing_is_printed(parse: Parse, cut: Path, capfd: pytest.CaptureFixture[str]) -> None:
    parse(cut)
    assert capfd.readouterr() == ("", "")


def test_overtime_is_told(parse: Parse, tmp_path: Path) -> None:
    match = believable_match(team_size=1, overtime=True)
    body = parse(write_replay(tmp_path / "overtime.replay", match, frames=900)).data
    assert body["overtime"]
    assert body["overtime_seconds"] == pytest.approx(match.play_s - 300, abs=1)
