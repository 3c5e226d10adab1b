"""Encode the frames of a recording."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit.testing.replay_bits import Bits, bit, float32, join, to_bytes
from parsekit.testing.replay_clock import FIRST_FRAME_S, Recording

#: Decoders look ahead; real streams end in padding too.
_PADDING = bytes(16)


def encode_stream(recording: Recording) -> bytes:
    """Encode every frame of the recording."""
    return to_bytes(_frames(recording)) + _PADDING


def _frames(recording: Recording) -> Iterator[Bits]:
    for number in range(recording.frames):
        yield join(
            [
                float32(FIRST_FRAME_S + number * recording.step_s),
                float32(recording.step_s),
                bit(False),
            ]
        )
