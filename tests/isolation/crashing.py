"""A parser that fails in every way that native code knows; the replay's name says which."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from parsekit import Job, NotReady, Parsed, ProviderContext, Replay
from parsekit.errors import ERRORS, ConfigInvalid, InvalidReplay


def say(kind: str, value: str, request_id: str | None = None) -> None:
    """Answer the host oneself, as code that took the process over can; ``value`` is JSON."""
    body = f'["{request_id or known_id()}", "{kind}", {value}]'.encode()
    frame = struct.pack("<I", len(body)) + body
    while frame:
        frame = frame[os.write(conversation(), frame) :]


def conversation() -> int:
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
    raise LookupError


def known_id() -> str:
    """The id of the request, which lies in the frames of those who called the parser."""
    frame = sys._getframe()
    while "request_id" not in frame.f_locals or frame.f_code.co_name != "serve":
        frame = frame.f_back or frame
    return str(frame.f_locals["request_id"])


class Panic(BaseException):
    """As PyO3's PanicException, no Exception."""


class Crashing:
    def __init__(self, context: ProviderContext) -> None:
        self.calls = 0
        self.made_by = os.getpid()

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        self.calls += 1
        return getattr(self, Path(replay.name).stem)(job)

    def fine(self, job: Job) -> Parsed:
        job.progress(55, "half way")
        facts = {"pid": os.getpid(), "calls": self.calls, "made_by": self.made_by}
        return Parsed(data=facts, warnings=("mind",), notice="upgrade me", reader="old reader")

    def brief(self, job: Job) -> Parsed:
        time.sleep(0.02)
        return Parsed(data={"says": "brief"})

    def other(self, job: Job) -> Parsed:
        return Parsed(data={"says": "other"})

    def step_and_hang(self, job: Job) -> Parsed:
        job.progress(50, "half way")
        time.sleep(60)
        return Parsed(data={})

    def answer_another(self, job: Job) -> Parsed:
        say("parsed", '{"data": {}, "warnings": []}', request_id="0" * 16)
        return Parsed(data={})

    def answer_twice(self, job: Job) -> Parsed:
        for which in ("first", "second"):
            say("parsed", f'{{"data": {{"{which}": true}}, "warnings": []}}')
        return Parsed(data={})

    def __getattr__(self, name: str) -> Callable[[Job], Parsed]:
        code = name.removeprefix("claim_")
        if code not in ERRORS:
            raise AttributeError(name)

        def claim(job: Job) -> Parsed:
            raise ERRORS[code](f"claims {code}", retry_after_s=1e15)

        return claim

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
        body = ",".join(["[]"] * 690_000)
        say("parsed", '{"data": {"x": [' + body + ']}, "warnings": []}')
        return Parsed(data={})

    def chatter(self, job: Job) -> Parsed:
        for number in range(100_000):
            job.progress(20 + number / 2000, f"frame {number} {'of many ' * 10}")
        return Parsed(data={"said": True})

    def shout(self, job: Job) -> Parsed:
        for number in range(2000):
            say("progress", json.dumps([number / 20 - 5, "loud " * 100]))
        return Parsed(data={"said": True})

    def flood(self, job: Job) -> Parsed:
        while True:
            say("progress", json.dumps([50, "loud " * 10_000]))

    def mutter(self, job: Job) -> Parsed:
        say("progress", '["Sw0rd", ""]')
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


class Threaded(Crashing):
    """A parser whose library has a thread of its own from the start."""

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self.asked, self.answered = threading.Event(), threading.Event()
        threading.Thread(target=self._help, daemon=True).start()

    def _help(self) -> None:
        self.asked.wait()
        self.answered.set()

    def fine(self, job: Job) -> Parsed:
        self.asked.set()
        heard = self.answered.wait(10)
        return Parsed(data={"pid": os.getpid(), "made_by": self.made_by, "heard": heard})


class LongTurn(selectors.DefaultSelector):
    """What a busy machine does: all that comes in a tenth of a second is found at once."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        super().select(timeout)
        time.sleep(0.1)
        ready = super().select(0)
        return sorted(
            ready, key=lambda each: each[0].data is not None
        )  # the ends of children first


def Unhurried(context: ProviderContext) -> Crashing:  # noqa: N802
    selectors.DefaultSelector = LongTurn
    return Crashing(context)


def Unmakeable(context: ProviderContext) -> Crashing:  # noqa: N802
    raise ConfigInvalid("it needs a model")


def Suicidal(context: ProviderContext) -> Crashing:  # noqa: N802
    os.abort()


def Enormous(context: ProviderContext) -> Crashing:  # noqa: N802
    raise MemoryError
