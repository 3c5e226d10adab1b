"""The optional reader ``parsekit-local-native``: boxcars' frames to columns, no dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from parsekit_local.stream import readers
from parsekit_local.stream.log import ReadFailed, StreamLog


def read(data: bytes) -> StreamLog:
    """Read the network stream of a whole replay file; other threads go on meanwhile.

    Raises `ReadFailed` where the stream can't be read to its end, or the reader is absent.
    """
    module = readers.native_module
    if module is None:
        raise ReadFailed(readers.why_not_native())
    try:
        log = module.read(data)
    except module.ReadFailed as error:
        raise ReadFailed(str(error)) from error
    return StreamLog(
        net_version=log.net_version,
        frame_count=log.frame_count,
        time_s=np.frombuffer(log.time_s, "<f4"),
        delta_s=np.frombuffer(log.delta_s, "<f4"),
        keyframe=_int32s(log.keyframe),
        kinds=tuple(log.kinds),
        life_kind=_int32s(log.life_kind),
        life_first=_int32s(log.life_first),
        life_end=_int32s(log.life_end),
        body_frame=_int32s(log.body_frame),
        body_life=_int32s(log.body_life),
        body_sleeping=np.frombuffer(log.body_sleeping, np.uint8),
        body_position=np.frombuffer(log.body_position, "<f4").reshape(-1, 3),
        body_velocity=np.frombuffer(log.body_velocity, "<f4").reshape(-1, 3),
        event_frame=_int32s(log.event_frame),
        event_life=_int32s(log.event_life),
        event_code=np.frombuffer(log.event_code, np.uint8),
        event_a=_int32s(log.event_a),
        event_b=_int32s(log.event_b),
        names=tuple(log.names),
        values=tuple(log.values),
        debug_rows=tuple(log.debug_rows),
    )


def _int32s(column: bytes) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.frombuffer(column, "<i4")
