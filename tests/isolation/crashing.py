"""A parser that fails in every way that native code knows; the replay's name says which."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import stat
import struct
import sys
import time
from pathlib import Path

from parsekit import Job, NotReady, Parsed, ProviderContext, Replay
from parsekit.errors import InvalidReplay, RateLimited


def say(body: bytes) -> None:
    """Write a frame into the pipe of answers, as code that took the process over can."""
    frame = struct.pack("<I", len(body)) + body
    while frame:
        frame = frame[os.write(_answers(), frame) :]


def _answers() -> int:
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            writes = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
            if writes and stat.S_ISFIFO(os.fstat(number).st_mode):
                return number
    raise LookupError


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

    def nameless(self, job: Job) -> Parsed:
        os.kill(os.getpid(), 40)  # a real-time signal
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

    def unmapped(self, job: Job) -> Parsed:
        """As an import does that finds no room for native code."""
        raise ImportError("See the FAQ. libx.so: failed to map segment from shared object")

    def starve(self, job: Job) -> Parsed:
        os.write(2, b"OpenBLAS error: Memory allocation still failed after 10 retries, giving up.")
        os._exit(1)

    def bloat(self, job: Job) -> Parsed:
        return Parsed(data={"x": [[]] * (1 << 20)})

    def swell(self, job: Job) -> Parsed:
        """As many objects for the parent as go into the bytes that it takes."""
        body = b",".join([b"[]"] * 690_000)
        say(b'{"parsed": {"data": {"x": [' + body + b']}, "warnings": []}}')
        return Parsed(data={})

    def chatter(self, job: Job) -> Parsed:
        for number in range(100_000):
            job.progress(20 + number / 2000, f"frame {number} {'of many ' * 10}")
        return Parsed(data={"said": True})

    def shout(self, job: Job) -> Parsed:
        for number in range(2000):
            say(json.dumps({"progress": [number / 20 - 5, "loud " * 100]}).encode())
        return Parsed(data={"said": True})

    def flood(self, job: Job) -> Parsed:
        while True:
            say(json.dumps({"progress": [50, "loud " * 10_000]}).encode())

    def mutter(self, job: Job) -> Parsed:
        say(json.dumps({"progress": ["Sw0rd", ""]}).encode())
        return Parsed(data={})

    def lengthy(self, job: Job) -> Parsed:
        raise InvalidReplay("x" * 990 + "the/Sw0rd/of/the/parent")

    def last_word(self, job: Job) -> Parsed:
        sys.stderr.write("x" * 290 + "the/Sw0rd/of/the/parent\n")
        sys.stderr.flush()
        os.abort()

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
