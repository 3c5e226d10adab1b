"""The parser where callers meet it: behind the host's checks, in a child with its limits."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import parsekit
from parsekit import Outcome
from parsekit.replay import replay_crc

DOUBLES = "recent-ranked-doubles-2026-03-10.replay"
Read = Callable[..., Outcome]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Parse a file, or bytes, on the whole road, with these limits."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def read(replay: Path | bytes, **limits: int) -> Outcome:
        path = replay if isinstance(replay, Path) else tmp_path / "made.replay"
        if isinstance(replay, bytes):
            path.write_bytes(replay)
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"limits": limits}))
        return parsekit.parse(path, "local", config=config, disable_cache=True)

    return read


@pytest.fixture(scope="module")
def good(shared: Path) -> Path:
    return shared / "replays" / "good"


def _sections(replay: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(replay[:4], "little")
    return replay[8 : 8 + size], replay[16 + size :]


def _sealed(header: bytes, body: bytes) -> bytes:
    """A file whose checksums are right, whatever is in it."""
    sections = (header, body)
    return b"".join(struct.pack("<iI", len(part), replay_crc(part)) + part for part in sections)


def _with_half_of_the_stream(body: bytes) -> bytes:
    """Shorten the network bytes, which stand behind the levels and the key frames."""
    at = 4
    for _ in range(int.from_bytes(body[:4], "little")):
        at += 4 + int.from_bytes(body[at : at + 4], "little")
    at += 4 + 12 * int.from_bytes(body[at : at + 4], "little")
    size = int.from_bytes(body[at : at + 4], "little")
    start, half = at + 4, size // 2
    return body[:at] + struct.pack("<i", half) + body[start : start + half] + body[start + size :]


def test_a_new_attribute_costs_what_comes_after_it(read: Read, good: Path) -> None:
    """As after a game update: checksums are right, and one attribute has a name nobody knows."""
    header, body = _sections((good / DOUBLES).read_bytes())
    known, unknown = b"ReplicatedDemolishExtended", b"ReplicatedDemolishReloaded"

    outcome = read(_sealed(header, body.replace(known, unknown)))

    assert outcome.ok
    assert outcome.data is not None
    (warning,) = outcome.warnings
    assert "TAGame.Car_TA:ReplicatedDemolishReloaded" in warning
    assert "(game build 260114.55864.507183)" in warning
    assert outcome.data["fidelity"]["stream"] == "cut"
    assert outcome.data["duration"] == 210


def test_a_stream_that_ends_early_is_read_to_its_end(read: Read, good: Path) -> None:
    header, body = _sections((good / DOUBLES).read_bytes())

    outcome = read(_sealed(header, _with_half_of_the_stream(body)))

    assert outcome.data is not None
    assert "read up to frame 4688 only" in outcome.warnings[0]
    assert outcome.data["fidelity"]["stream"] == "cut"
    assert outcome.data["blue"]["stats"]["core"]["goals"] == 4  # the header's


def test_a_header_that_ends_early_is_an_invalid_replay(read: Read, good: Path) -> None:
    header, body = _sections((good / DOUBLES).read_bytes())

    outcome = read(_sealed(header[:200], body))

    assert outcome.failure is not None
    assert outcome.failure.code == "invalid_replay"
    assert "at byte 206" in outcome.failure.message


def test_too_little_memory_fails_with_the_limit_s_name_and_size(read: Read, good: Path) -> None:
    """The largest of the good replays takes 0.7 GB, and 0.15 with the native reader."""
    outcome = read(good / "gridiron.replay", parse_memory=120 * 2**20)

    assert outcome.failure is not None
    assert outcome.failure.code == "parser_failed"
    assert "needed more than limits.parse_memory (120 MiB)" in outcome.failure.message
