"""Write the content of a replay: the network stream and the tables that explain it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from parsekit.testing.replays.clock import FIRST_FRAME_S, Recording
from parsekit.testing.replays.objects import CachedClass, class_cache, class_ids, object_table
from parsekit.testing.replays.properties import text

#: Names of states that the stream refers to by number.
NAMES = ("Countdown", "Active", "PostGoalScored", "Finished")

_T = TypeVar("_T")
_PACKAGE = "..\\..\\TAGame\\CookedPCConsole\\Stadium_P.upk"


def encode_body(recording: Recording, network: bytes) -> bytes:
    """Encode the content around an encoded network stream."""
    keyframes = [(FIRST_FRAME_S, 0, 0)] if recording.frames else []
    return b"".join(
        [
            _list(["stadium_p"], text),
            _list(keyframes, lambda keyframe: struct.pack("<fii", *keyframe)),
            struct.pack("<i", len(network)),
            network,
            _list([], text),  # debug log
            _list(_tick_marks(recording), lambda mark: text(mark[0]) + struct.pack("<i", mark[1])),
            _list([_PACKAGE], text),
            *(_tables() if recording.frames else _NO_TABLES),
            bytes(4),
        ]
    )


def _tick_marks(recording: Recording) -> list[tuple[str, int]]:
    return [
        (f"Team{phase.goal.side}Goal", recording.frame_at(phase.end_s))
        for phase in recording.phases
        if phase.goal
    ]


#: Four empty lists: without frames nothing refers to a table.
_NO_TABLES = (bytes(16),)


def _tables() -> Sequence[bytes]:
    return (
        _list(object_table(), text),
        _list(NAMES, text),
        _list(class_ids(), lambda entry: text(entry[0]) + struct.pack("<i", entry[1])),
        _list(class_cache(), _cached_class),
    )


def _cached_class(entry: CachedClass) -> bytes:
    ids = struct.pack("<3i", entry.object_id, entry.parent_id, entry.cache_id)
    return ids + _list(entry.attributes, lambda pair: struct.pack("<ii", *pair))


def _list(entries: Sequence[_T], encode: Callable[[_T], bytes]) -> bytes:
    return struct.pack("<i", len(entries)) + b"".join(map(encode, entries))
