"""Write replays of invented matches, for tests and the demo; no real player is in them.

    match = believable_match(seed=7, team_size=3)
    path = write_replay(tmp_path / "match.replay", match, frames=300)

The result is a whole .replay file as the game of early 2026 writes it: CRCs, header, tables and a
network stream with cars, ball, boost and score, enough for a full parser to find statistics.
The same arguments give the same bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

from parsekit.replay import replay_crc
from parsekit.testing.replays.body import encode_body
from parsekit.testing.replays.clock import Recording
from parsekit.testing.replays.header import encode_header
from parsekit.testing.replays.match import Goal, Match, Player, Side, believable_match
from parsekit.testing.replays.stream import encode_stream

__all__ = [
    "Goal",
    "Match",
    "Player",
    "Side",
    "believable_match",
    "synthetic_replay",
    "write_replay",
]


def synthetic_replay(match: Match | None = None, frames: int = 300) -> bytes:
    """Encode a match as a replay of so many frames, spread evenly over the match.

    Without frames only the header tells anything, and one against one take less than 3 kB. A
    match of five minutes with 9000 frames moves as smoothly as a real one.
    """
    recording = Recording.of(match or believable_match(), frames)
    network = encode_stream(recording) if frames else b""
    return _section(encode_header(recording)) + _section(encode_body(recording, network))


def write_replay(path: str | Path, match: Match | None = None, frames: int = 300) -> Path:
    """Write `synthetic_replay` to a file and return its path."""
    target = Path(path)
    target.write_bytes(synthetic_replay(match, frames))
    return target


def _section(data: bytes) -> bytes:
    return struct.pack("<iI", len(data), replay_crc(data)) + data
