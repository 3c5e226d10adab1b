"""Bodies of real and synthetic replays, parsed once for all tests of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from devkit.once import once
from parsekit import Job, JsonObject, Parsed, ProviderContext, Replay
from parsekit_local.parser import LocalParser
from parsekit_local.stream.frames import (
    BoostSamples,
    Car,
    Countdowns,
    Demolitions,
    Frames,
    GameClock,
    Goals,
    Hits,
    Pickups,
    PlatformAccount,
    PlayerTrack,
    RigidBodies,
    ScoreLine,
    Switches,
    Tallied,
)

#: Fixtures for which every real replay is parsed, half a minute on two idle cores.
_PARSE_ALL = {"good", "good_replays", "odd", "bodies", "results", "matches"}
#: Seconds for the first test that asks for one, on a machine that is busy with ten other things.
_PARSE_ALL_S = 900
Parse = Callable[..., Parsed]
MakeTrack = Callable[..., PlayerTrack]
MakeFrames = Callable[..., Frames]
_NO_FRAMES = np.zeros(0, np.int64)
_WITH_TIMELINE = Job(task_id="test", timeline=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give time to tests of all real replays."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and _PARSE_ALL & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(_PARSE_ALL_S))


def _parse(path: Path, job: Job | None = None) -> Parsed:
    content = path.read_bytes()
    replay = Replay(
        path=path,
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    return LocalParser(ProviderContext()).parse(replay, job or Job(task_id="test"))


def _parse_all(paths: list[Path]) -> dict[str, Parsed]:
    return {path.stem: _parse(path, _WITH_TIMELINE) for path in paths}


@pytest.fixture(scope="session")
def parse() -> Parse:
    """Parse one file as the host's child process would."""
    return _parse


@pytest.fixture(scope="session")
def good(good_replays: list[Path], run_folder: Path) -> dict[str, Parsed]:
    """What the parser says of each of them, by the file's stem."""
    return once(run_folder / "parsed-good", lambda: _parse_all(good_replays))


@pytest.fixture(scope="session")
def odd(shared: Path, run_folder: Path) -> dict[str, Parsed]:
    """Replays that people had trouble with: split screen, offline season, reset score, own goal."""
    paths = sorted((shared / "replays" / "odd").glob("*.replay"))
    return once(run_folder / "parsed-odd", lambda: _parse_all(paths))


@pytest.fixture(scope="session")
def bodies(good: dict[str, Parsed]) -> dict[str, JsonObject]:
    """The bodies alone."""
    return {stem: parsed.data for stem, parsed in good.items()}


def _car() -> Car:
    return Car(
        first_frame=0,
        end_frame=9,
        bodies=RigidBodies(frame=_NO_FRAMES, position=np.zeros((0, 3)), velocity=np.zeros((0, 3))),
        boosts=(BoostSamples(frame=_NO_FRAMES, amount=_NO_FRAMES),),
        handbrake=Switches(frame=_NO_FRAMES, on=np.zeros(0, np.bool_)),
        pickups=Pickups(frame=_NO_FRAMES, pad=_NO_FRAMES),
    )


def _track(
    name: str,
    *,
    account: PlatformAccount | None = None,
    team: int | None = 0,
    cars: int = 1,
    score: int = 0,
    body_ids: tuple[int | None, int | None] = (None, None),
) -> PlayerTrack:
    return PlayerTrack(
        name=name,
        account=account,
        is_bot=account is None,
        team=team,
        first_frame=0,
        end_frame=9,
        cars=tuple(_car() for _ in range(cars)),
        camera=None,
        steering_sensitivity=None,
        body_ids=body_ids,
        score_line=ScoreLine(score=score),
    )


def _frames(*players: PlayerTrack) -> Frames:
    time_s = np.arange(10.0)
    return Frames(
        raw_time_s=time_s,
        delta_s=np.ones(10),
        time_s=time_s,
        keyframes=_NO_FRAMES,
        gaps=_NO_FRAMES,
        players=players,
        balls=(),
        hits=Hits(frame=_NO_FRAMES, team=_NO_FRAMES),
        countdowns=Countdowns(first_frame=_NO_FRAMES, last_frame=_NO_FRAMES),
        goals=Goals(frame=_NO_FRAMES, conceding_team=_NO_FRAMES),
        demolitions=Demolitions(frame=_NO_FRAMES, attacker=_NO_FRAMES, victim=_NO_FRAMES),
        tallied=Tallied(frame=_NO_FRAMES, player=_NO_FRAMES, name=(), by=_NO_FRAMES),
        states=(),
        game_clock=GameClock(frame=_NO_FRAMES, seconds=_NO_FRAMES),
    )


@pytest.fixture(scope="session")
def make_track() -> MakeTrack:
    """Make a player of the stream: name, and what differs from an account-less one with a car."""
    return _track


@pytest.fixture(scope="session")
def make_frames() -> MakeFrames:
    """Make a stream of ten frames, one a second, with these players."""
    return _frames
