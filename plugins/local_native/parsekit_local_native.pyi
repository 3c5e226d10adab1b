"""Reads a replay's network stream into columns, for parsekit-local."""

from typing import Any, final

#: Raised when a column or a code changes its meaning; parsekit-local refuses others.
LAYOUT: int
#: The version of the crate boxcars that decodes.
BOXCARS: str

class ReadFailed(ValueError):
    """The stream can't be read to its end; the message is boxcars' own, with the frame."""

@final
class StreamLog:
    """What a network stream says; each column is little-endian bytes, oldest row first.

    The meaning of every column stands in `parsekit_local.stream.log.StreamLog`.
    """

    net_version: int | None
    frame_count: int
    time_s: bytes
    delta_s: bytes
    keyframe: bytes
    kinds: list[str]
    life_kind: bytes
    life_first: bytes
    life_end: bytes
    body_frame: bytes
    body_life: bytes
    body_sleeping: bytes
    body_position: bytes
    body_velocity: bytes
    event_frame: bytes
    event_life: bytes
    event_code: bytes
    event_a: bytes
    event_b: bytes
    names: list[str]
    values: list[tuple[int, str, Any]]
    debug_rows: list[tuple[str, str]]

def read(data: bytes, /) -> StreamLog:
    """Read the network stream of a whole replay file; other threads go on meanwhile.

    Raises `ReadFailed` where the stream can't be read to its end.
    """
