"""The parent's side: children that are lent to one parse at a time, reused, and replaced."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import IO

from parsekit.errors import ParsekitError, ParserCrashed, ParserFailed, ParserTimeout
from parsekit.isolation import pipes
from parsekit.isolation.steps import Steps
from parsekit.isolation.wire import (
    MAX_ANSWER_BYTES,
    Errand,
    HasSecret,
    OutOfMemory,
    Step,
    framed,
    understood,
)
from parsekit.logs.redaction import short
from parsekit.model import Parsed, Replay
from parsekit.workspace import workspace

_CHILD = "parsekit.isolation.child"
#: What a child may see of the environment: no secrets, but what Python needs to start.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
#: One thread each: a child has one core, and each BLAS thread reserves address space.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

#: What Python, Rust, pyo3 and OpenBLAS write when an allocation fails; pyo3's is of a new object.
_OUT_OF_MEMORY = (
    "MemoryError",
    "memory allocation",
    "PyObject pointer is null",
    "Memory allocation still failed",
)

#: What is read of a child's stderr, and told of its last line.
_LAST_BYTES, _MAX_LAST_WORDS = 2000, 300

#: A child takes an errand at once: until this many seconds only one that was taken over does not.
_TAKES_S = 10.0

#: From the end of a child's answers to the end of its process, seconds.
_LAST_MOMENTS_S = 2.0

Progress = Callable[[float, str], None]


class _NotTaken(ParserTimeout):
    """The child did not take its errand, and was ended."""


class Child:
    """One process for one parser (``create``); used by one thread at a time.

    ``task_id`` is the task that it was lent for last, "" before the first.
    """

    def __init__(self, create: str, memory_bytes: int, niceness: int) -> None:
        self.create = create
        self.parses = 0
        self.task_id = ""
        self._has_secret = False
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(workspace())
        self._memory_bytes = memory_bytes
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the child)
        environ = {
            k: v for k, v in os.environ.items() if k in _ENVIRONMENT or k.startswith("PYTHON")
        }
        self._process = subprocess.Popen(
            # -P: the current folder, which may hold anything, is no place to import from
            [
                *(sys.executable, "-P", "-m", _CHILD),
                *(str(memory_bytes), str(niceness), str(self._folder)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**environ, **_ONE_THREAD, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self._errands, self._answers = self._pipes()

    @property
    def alive(self) -> bool:
        """Whether it can take an errand."""
        return self._process.poll() is None

    def parse(self, errand: Errand, progress: Progress) -> Parsed:
        """Do one errand. Raises a `ParsekitError`; afterwards the child may be dead."""
        self.parses += 1
        name = f"parser {errand.parser!r}"
        self._log.seek(0)  # the child writes at this very place, and its limit is the file's size
        self._log.truncate()
        try:
            with self._given(errand.replay) as replay:
                self._hand_over(replace(errand, replay=replay))
                return self._await(errand, progress)
        except TimeoutError:
            self.kill()
            raise ParserTimeout(
                f"{name} took longer than limits.parse_seconds ({errand.parse_seconds:g} s) "
                "and was ended"
            ) from None
        except (pipes.Ended, BrokenPipeError) as exc:
            # All that it said was heard only where its answers came to their end.
            speakable = isinstance(exc, pipes.Ended) and not self._has_secret
            kind, text = self._how_it_ended(speakable=speakable)
            raise kind(f"{name} {text}") from exc
        except ValueError as exc:
            self.kill()
            raise ParserFailed(f"{name} answered nonsense and was ended: {exc}") from exc

    def interrupt(self) -> None:
        """End its process, for the thread that waits for its answer to notice and clean up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """End its process and remove its folder, without a wait for either.

        A process of the lowest priority takes a while even to die, when the machine is busy.
        """
        self.interrupt()
        self._stack.close()

    def kill(self) -> None:
        """End it and everything it started."""
        self.interrupt()
        self._process.wait()
        for stream in (self._errands, self._answers, self._log):
            with contextlib.suppress(OSError):
                stream.close()
        self._stack.close()

    @contextlib.contextmanager
    def _given(self, replay: Replay) -> Iterator[Replay]:
        """Put the replay into the only folder of replays that this child sees."""
        path = self._folder / replay.path.name
        try:
            os.link(replay.path, path)
        except FileNotFoundError:
            pass  # the parser is told of a file that is not there
        except OSError:  # another file system
            shutil.copyfile(replay.path, path)
        try:
            yield replace(replay, path=path)
        finally:
            path.unlink(missing_ok=True)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a child without pipes")
        for end in (self._process.stdin, self._process.stdout):
            os.set_blocking(end.fileno(), False)  # see `pipes`
        return self._process.stdin, self._process.stdout

    def _hand_over(self, errand: Errand) -> None:
        frame = framed(pickle.dumps(errand))
        try:
            pipes.write(self._errands.fileno(), frame, time.monotonic() + _TAKES_S)
        except TimeoutError:
            self.kill()
            raise _NotTaken(
                f"parser {errand.parser!r} did not take its replay within {_TAKES_S:g} s "
                "and was ended"
            ) from None

    def _await(self, errand: Errand, progress: Progress) -> Parsed:
        end = time.monotonic() + errand.parse_seconds
        steps, left = Steps(), MAX_ANSWER_BYTES
        while True:
            frame = self._frame(end, left)
            left -= len(frame)
            answer = understood(frame)
            if isinstance(answer, Parsed):
                return answer
            if isinstance(answer, Step):
                if steps.further(answer.value):
                    progress(answer.value, answer.message)
            else:
                self._take_note(answer, errand.parser)

    def _take_note(self, answer: HasSecret | OutOfMemory | ParsekitError, parser: str) -> None:
        """Hear of a secret. Raises the error that anything else is."""
        if isinstance(answer, ParsekitError):
            raise answer
        if isinstance(answer, OutOfMemory):
            raise ParserFailed(f"parser {parser!r} {self._out_of_memory()}")
        self._has_secret = True

    def _frame(self, end: float, most: int) -> bytes:
        answers = self._answers.fileno()
        size = struct.unpack("<I", pipes.read(answers, 4, end))[0]
        if size > most:
            raise ValueError(f"more than {MAX_ANSWER_BYTES >> 20} MiB about one replay")
        return pipes.read(answers, size, end)

    def _how_it_ended(self, *, speakable: bool) -> tuple[type[ParserFailed], str]:
        """Say what happened to the process, and end what is left of it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_MOMENTS_S)
        kind, text = self._verdict(self._process.poll(), wrote := self._wrote_last())
        self.kill()
        words = _last_words(wrote) if speakable else ""
        return kind, f"{text}: {words}" if words and kind is ParserCrashed else text

    def _verdict(self, code: int | None, wrote: str) -> tuple[type[ParserFailed], str]:
        if code is not None and any(sign in wrote for sign in _OUT_OF_MEMORY):
            # native code that runs out of memory says so first, and then much else
            return ParserFailed, self._out_of_memory()
        if code is None:
            return ParserFailed, "closed its answers and was ended"
        if code == -signal.SIGXCPU:
            return ParserFailed, "used up the CPU time of limits.parse_seconds"
        if code < 0:
            return ParserCrashed, f"crashed ({_signal_name(-code)})"
        return ParserCrashed, f"ended its process (exit code {code})"

    def _out_of_memory(self) -> str:
        return f"needed more than limits.parse_memory ({self._memory_bytes >> 20} MiB)"

    def _wrote_last(self) -> str:
        """The end of what the child wrote for this replay, from the beginning of a line."""
        try:
            size = self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, size - _LAST_BYTES))
            return self._log.read().decode(errors="replace")
        except (OSError, ValueError):
            return ""


def _signal_name(number: int) -> str:
    """Real-time signals have none but the first and the last."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(wrote: str) -> str:
    """The last line. The first that was read may begin inside of a secret."""
    lines = wrote.split("\n")
    whole = lines if len(wrote.encode()) < _LAST_BYTES else lines[1:]
    told = [line for line in whole if line.strip()]
    return short(told[-1], _MAX_LAST_WORDS) if told else ""


class ChildPool:
    """Lends children; as many as there are parses at once. Make one a process, after a fork.

    One is replaced after ``recycle_after`` parses, so that a slow leak in native code stays small.
    ``niceness`` 1 to 19 lets them yield to all other work of this machine.
    """

    def __init__(self, memory_bytes: int, recycle_after: int, *, niceness: int = 0) -> None:
        self._memory_bytes = memory_bytes
        self._niceness = niceness
        self._recycle_after = recycle_after
        self._idle: list[Child] = []
        self._lent: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        # Linux ends a child (PDEATHSIG) with the *thread* that started it: one thread starts all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="parsekit-children")

    def parse(self, errand: Errand, progress: Progress) -> Parsed:
        """Do one errand in a child of its own.

        Raises `ParserFailed`, `ParserTimeout`, or the error that the parser raised.
        """
        with contextlib.suppress(_NotTaken), self._borrowed(errand) as child:
            return child.parse(errand, progress)
        # That child was taken over by a replay before: this one gets a child that has met none.
        with self._borrowed(errand, fresh=True) as child:
            return child.parse(errand, progress)

    def cancel(self, task_id: str) -> None:
        """End the parse of this task, if it is at work; its caller gets `ParserFailed`."""
        with self._lock:  # without it, the child may be at work for another task by then
            for child in self._lent:
                if child.task_id == task_id:
                    child.interrupt()

    def close(self) -> None:
        """End all children; those at work are cleared away by the threads that wait for them."""
        with self._lock:
            self._closed = True
            idle, at_work = [*self._idle], [*self._lent]
            self._idle.clear()
        for child in idle:
            child.kill()
        for child in at_work:
            child.abandon()
        self._starter.shutdown()

    @contextlib.contextmanager
    def _borrowed(self, errand: Errand, *, fresh: bool = False) -> Iterator[Child]:
        child = self._take(errand, fresh=fresh)
        try:
            yield child
        finally:
            self._give_back(child)

    def _take(self, errand: Errand, *, fresh: bool) -> Child:
        with self._lock:
            if self._closed:
                raise ParserFailed("the parser was stopped")
            child = None if fresh else self._idle_child(errand.create)
        if child is None:
            made = self._starter.submit(Child, errand.create, self._memory_bytes, self._niceness)
            child = made.result()
        return self._lend(child, errand.task_id)

    def _lend(self, child: Child, task_id: str) -> Child:
        """Note who is at work for whom, unless `close` came while the child was made."""
        with self._lock:
            if not self._closed:
                child.task_id = task_id
                self._lent.add(child)
                return child
        child.kill()
        raise ParserFailed("the parser was stopped")

    def _idle_child(self, create: str) -> Child | None:
        """The one that was used last, as its memory is warm; those that died are cleared away."""
        for child in reversed([child for child in self._idle if child.create == create]):
            self._idle.remove(child)
            if child.alive:
                return child
            child.kill()
        return None

    def _give_back(self, child: Child) -> None:
        with self._lock:
            self._lent.discard(child)
            keep = not self._closed and child.alive and child.parses < self._recycle_after
            if keep:
                self._idle.append(child)
        if not keep:
            child.kill()
