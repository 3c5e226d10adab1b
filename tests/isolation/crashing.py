"""A parser that fails in every way that native code knows; the replay's name says which."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from parsekit import Job, NotReady, Parsed, ProviderContext, Replay
from parsekit.errors import InvalidReplay, RateLimited


class Panic(BaseException):
    """As PyO3's PanicException, no Exception."""


class Crashing:
    def __init__(self, context: ProviderContext) -> None:
        self.calls = 0

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        self.calls += 1
        return getattr(self, Path(replay.name).stem)(job)

    def fine(self, job: Job) -> Parsed:
        job.progress(55, "half way")
        return Parsed(data={"pid": os.getpid(), "calls": self.calls}, warnings=("mind",))

    def noisy(self, job: Job) -> Parsed:
        sys.stdout.write("noise on stdout\n")
        os.write(1, b"\x00\x00\x00\x00more noise")
        return Parsed(data={"quiet": False})

    def segfault(self, job: Job) -> Parsed:
        os.kill(os.getpid(), signal.SIGSEGV)
        return Parsed(data={})

    def abort(self, job: Job) -> Parsed:
        sys.stderr.write("thread panicked: boom\n")
        sys.stderr.flush()
        os.abort()

    def leave(self, job: Job) -> Parsed:
        os._exit(3)

    def hang(self, job: Job) -> Parsed:
        time.sleep(60)
        return Parsed(data={})

    def hoard(self, job: Job) -> Parsed:
        return Parsed(data={"size": len(bytearray(4 << 30))})

    def panic(self, job: Job) -> Parsed:
        raise Panic("index out of bounds")

    def refuse(self, job: Job) -> Parsed:
        raise InvalidReplay("no such format")

    def limited(self, job: Job) -> Parsed:
        raise RateLimited("later", retry_after_s=7)

    def nan(self, job: Job) -> Parsed:
        return Parsed(data={"x": float("nan")})

    def objects(self, job: Job) -> Parsed:
        return Parsed(data={"x": object()})

    def nothing(self, job: Job) -> None:
        return None

    def waiting(self, job: Job) -> NotReady:
        return NotReady(ticket={}, after_s=1)

    def children(self, job: Job) -> Parsed:
        with contextlib.suppress(PermissionError):  # where the sandbox is whole there are none
            os.fork()
        time.sleep(60)
        return Parsed(data={})

    def secrets(self, job: Job) -> Parsed:
        return Parsed(data={"environ": sorted(os.environ)})
