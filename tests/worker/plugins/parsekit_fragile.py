"""A local parser whose native code has a fault for every replay that is named after one."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from typing import Any

from parsekit import Job, Parsed, ParserEntry, ProviderContext, Replay, Section, hookimpl


class Faults(Section):
    """``mended`` is the parser after its author has been told."""

    mended: bool = False


class Fragile:
    def __init__(self, context: ProviderContext) -> None:
        self._mended: bool = context.settings.mended

    def parse(self, replay: Replay, job: Job) -> Parsed:
        if not self._mended:
            _fail(replay.name)
        if "bloat" in replay.name:
            return Parsed(data={"x": [[]] * (4 << 20)})
        return Parsed(data={"fine": True})


def _fail(name: str) -> None:
    if "crash" in name:
        ctypes.string_at(0)
    if "slow" in name:
        time.sleep(2)
    while "hang" in name:
        pass
    kept = []
    while "hoard" in name:
        kept.append(bytearray(64 << 20))
    if "leave" in name:
        os._exit(0)
    if "stay" in name:
        threading.Thread(target=_work_on).start()


def _work_on() -> None:
    while True:
        pass


@hookimpl
def parsekit_register_parsers(register: Any) -> None:
    create = "parsekit_fragile:Fragile"
    register(ParserEntry(name="fragile", version="1", create=create, runs="local", settings=Faults))
