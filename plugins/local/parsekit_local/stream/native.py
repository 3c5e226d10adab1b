"""The optional reader ``parsekit-local-native``: boxcars' frames to columns, no dictionaries."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from parsekit_local.stream.log import ReadFailed, StreamLog

#: The meaning of the columns and codes that is understood here.
LAYOUT = 1


def _imported() -> tuple[ModuleType | None, str]:
    try:
        return import_module("parsekit_local_native"), ""
    except ImportError as error:
        return None, f"parsekit-local-native can't be imported: {error}"


#: The native reader, or ``None``, and why it is not there.
module, _missing = _imported()


def why_not() -> str | None:
    """Say why the native reader can't be used, or ``None`` where it can."""
    if module is None:
        return _missing
    if module.LAYOUT != LAYOUT:
        return f"parsekit-local-native has layout {module.LAYOUT}, not {LAYOUT}: upgrade both"
    return None


def boxcars() -> str:
    """Give the version of boxcars in the native reader; what `why_not` refuses may have none."""
    return str(getattr(module, "BOXCARS", "of an unknown version"))


def read(data: bytes) -> StreamLog:
    """Read the network stream of a whole replay file; other threads go on meanwhile.

    Raises `ReadFailed` where the stream can't be read to its end, and where `why_not` has a reason.
    """
    if module is None:
        raise ReadFailed(_missing)
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
