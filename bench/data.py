"""The replays that benchmarks run on: real ones beside the project, synthetic ones without them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from parsekit import JsonObject
from parsekit.testing.replays.file import believable_match, synthetic_replay, write_replay
from parsekit_ballchasing.simulator.bodies import BodyMaker

SHARED = Path(__file__).parents[2] / "shared" / "replays" / "good"
#: Small, medium and large; recent formats and an old one.
CHOSEN = (
    "post-eac-ranked-duel-2026-04-28-a.replay",
    "recent-ranked-doubles-2026-03-10.replay",
    "recent-ranked-standard-2026-03-10-a.replay",
    "soccar-lan.replay",
)


def replays() -> list[Path]:
    """Four replays; says so when they are synthetic."""
    if SHARED.is_dir():
        return [SHARED / name for name in CHOSEN]
    print("no real replays beside the project: synthetic ones instead")
    folder = Path(tempfile.mkdtemp(prefix="parsekit-bench-"))
    return [
        write_replay(folder / f"{size}v{size}.replay", believable_match(team_size=size), 9000)
        for size in (1, 2, 3, 4)
    ]


def body_of_a_match() -> JsonObject:
    """What the simulator answers for an invented match of three against three."""
    body = BodyMaker().make(synthetic_replay(believable_match(seed=2, team_size=3), frames=300))
    if body is None:
        raise RuntimeError("the simulator can't read a synthetic replay")
    return body
