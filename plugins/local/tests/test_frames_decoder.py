"""Real files through the decoder: whole, cut, and unreadable."""

from __future__ import annotations

import contextlib
import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import subtr_actor

from parsekit_local.stream.decoder import decode
from parsekit_local.stream.dictionary import log_of
from parsekit_local.stream.frames import DecodeFailed, Frames

DOUBLES = "recent-ranked-doubles-2026-03-10.replay"


@pytest.fixture(scope="module")
def good(shared: Path) -> Path:
    return shared / "replays" / "good"


@pytest.fixture(scope="module")
def doubles(good: Path) -> Frames:
    return decode((good / DOUBLES).read_bytes()).frames


@pytest.fixture(scope="module")
def broken(good: Path) -> bytes:
    """A match with an attribute that no decoder knows, first used in frame 5906."""
    known, unknown = b"ReplicatedDemolishExtended", b"ReplicatedDemolishReloaded"
    return (good / DOUBLES).read_bytes().replace(known, unknown)


@pytest.mark.parametrize("name", ["no-frames", "6688", "7588d"])
def test_a_replay_without_frames_decodes_to_empty_columns(good: Path, name: str) -> None:
    decoded = decode((good / f"{name}.replay").read_bytes())

    assert decoded.complete
    assert not decoded.warnings
    assert decoded.frames.count == 0
    assert decoded.frames.players == ()


def test_a_stream_with_an_unknown_attribute_is_read_up_to_it(
    broken: bytes, doubles: Frames
) -> None:
    decoded = decode(broken)

    assert not decoded.complete
    assert decoded.frames.count == 5906
    assert "ReplicatedDemolishReloaded" in decoded.warnings[0]
    assert "5906" in decoded.warnings[0]
    np.testing.assert_array_equal(decoded.frames.time_s, doubles.time_s[:5906])
    assert [p.name for p in decoded.frames.players] == [p.name for p in doubles.players]


def test_a_cut_match_ends_its_cars_where_it_is_cut(broken: bytes) -> None:
    frames = decode(broken).frames

    assert max(car.end_frame for player in frames.players for car in player.cars) == 5906
    assert frames.keyframes.max() < 5906


def test_a_stream_unknown_from_the_start_names_the_attribute(shared: Path) -> None:
    data = (shared / "replays" / "bad" / "fuzz-large-object-id.replay").read_bytes()

    with pytest.raises(DecodeFailed, match="Ball_TA:GameEvent is unknown") as caught:
        decode(data)
    assert caught.value.attribute is not None
    assert caught.value.attribute.endswith("Ball_TA:GameEvent")


@pytest.mark.parametrize("data", [b"", b"not a replay", bytes(4096), b"\xff" * 4096])
def test_what_is_no_replay_fails_typed(data: bytes) -> None:
    with pytest.raises(DecodeFailed) as caught:
        decode(data)
    assert caught.value.attribute is None
    assert caught.value.message == caught.value.message.strip(". \n")


def test_a_truncated_file_fails_typed(good: Path) -> None:
    data = (good / "4375.replay").read_bytes()

    for tenths in range(1, 10):
        with pytest.raises(DecodeFailed):
            decode(data[: len(data) * tenths // 10])


def test_damage_anywhere_gives_a_shorter_match_or_a_typed_failure(good: Path) -> None:
    data = (good / "8905.replay").read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(6000, len(data), 60):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            frames = decode(bytes(damaged)).frames
        except DecodeFailed:
            continue
        assert frames.count <= 523
        assert (np.diff(frames.time_s) >= 0).all()


@pytest.mark.parametrize("data", [b"", None])
def test_the_garbage_collector_works_on_afterwards(good: Path, data: bytes | None) -> None:
    with contextlib.suppress(DecodeFailed):
        decode(data if data is not None else (good / "no-frames.replay").read_bytes())
    assert gc.isenabled()


def test_the_garbage_collector_works_on_after_decoding_in_threads(good: Path) -> None:
    """Parses that overlap find the collector paused, and must not leave it so."""
    data = (good / "8905.replay").read_bytes()
    with ThreadPoolExecutor(4) as threads:
        assert all(found.complete for found in threads.map(decode, [data] * 8))
    assert gc.isenabled()


def test_frames_are_freed_while_they_are_read(good: Path) -> None:
    replay = subtr_actor.parse_replay((good / "8905.replay").read_bytes())
    rows = replay["network_frames"]["frames"]
    assert rows

    log_of(replay)

    assert not rows


def test_the_clock_leaves_goal_replays_out(doubles: Frames) -> None:
    skipped = doubles.raw_time_s[doubles.gaps] - doubles.raw_time_s[doubles.gaps - 1]
    whole = doubles.raw_time_s[-1] - doubles.raw_time_s[0]

    assert len(doubles.gaps) == 4
    assert doubles.time_s[0] == 0
    assert (np.diff(doubles.time_s) >= 0).all()
    assert (np.diff(doubles.time_s)[doubles.gaps - 1] == 0).all()
    # less than a frame a gap: the clock stops with the last body report
    assert whole - skipped.sum() - 4 / 30 < doubles.time_s[-1] <= whole - skipped.sum()


def test_keyframes_repeat_nothing(doubles: Frames) -> None:
    for player in doubles.players:
        for car in player.cars:
            frame, place, speed = car.bodies.frame, car.bodies.position, car.bodies.velocity
            again = (np.diff(place, axis=0) == 0).all(axis=1) & (np.diff(speed, axis=0) == 0).all(
                axis=1
            )
            repeated = frame[1:][again & np.isin(frame[1:], doubles.keyframes)]
            # a car falling asleep is news, though it does not move
            assert len(repeated) <= 1


def test_goals_are_those_of_the_scoreboard(doubles: Frames) -> None:
    assert doubles.goals.conceding_team.tolist() == [1, 0, 1, 1, 1]


def test_countdowns_last_three_seconds(doubles: Frames) -> None:
    waits = doubles.countdowns

    length = doubles.seconds_at(waits.last_frame) - doubles.seconds_at(waits.first_frame)
    assert length == pytest.approx([3] * 5, abs=0.05)


def test_match_facts_of_a_modern_match(doubles: Frames) -> None:
    facts = doubles.match

    assert facts.playlist_id == 11
    assert facts.server_region == "EU"
    assert len(bytes.fromhex(facts.match_guid or "")) == 16
    assert "GameInfo_Soccar" in (facts.game_info or "")
    assert facts.max_team_size == 2
    assert facts.overtime_frame is None
    assert facts.start_epoch_s == 1773168576


def test_overtime_is_found(good: Path) -> None:
    assert decode((good / "3381.replay").read_bytes()).frames.match.overtime_frame == 8818


def test_spectators_have_neither_team_nor_cars(good: Path) -> None:
    frames = decode((good / "soccar-lan.replay").read_bytes()).frames

    assert [p.team for p in frames.players if not p.cars] == [None] * 3
    assert {len(frames.team(0)), len(frames.team(1))} == {3}


def test_a_bot_that_comes_back_is_one_player(good: Path) -> None:
    frames = decode((good / "gridiron.replay").read_bytes()).frames

    bots = [p for p in frames.players if p.is_bot]
    assert len(bots) == 1
    assert len(bots[0].cars) == 2
    assert bots[0].account is None


def test_old_files_are_in_the_same_units(good: Path) -> None:
    frames = decode((good / "old-ballchasing-midfield-car.replay").read_bytes()).frames

    places = np.concatenate([ball.bodies.position for ball in frames.balls])
    speeds = np.concatenate([c.bodies.velocity for p in frames.players for c in p.cars])
    assert 5000 < np.abs(places[:, 1]).max() < 6000
    assert 2200 < np.sqrt((speeds**2).sum(axis=1)).max() < 2400
