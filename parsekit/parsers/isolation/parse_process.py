"""The host's side of one parse: a process that is asked once, answers once, and is ended."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from parsekit.errors import ParsekitError, ParserCrashed, ParserFailed, ParserTimeout, error_for
from parsekit.model import Parsed, Replay
from parsekit.parsers.isolation.protocol import (
    MAX_REPLY_BYTES,
    Closed,
    Descriptors,
    Failed,
    HasSecret,
    OutOfMemory,
    ParseRequest,
    ProgressFilter,
    ProgressStep,
    decode_reply,
    frame,
    receive,
    with_traceback,
)
from parsekit.parsers.isolation.server_process import LAST_BYTES, ServerProcess, last_written
from parsekit.redaction.secrets import short

#: What Python, Rust, pyo3 and OpenBLAS write when an allocation fails; pyo3's is of a new object.
_OUT_OF_MEMORY = (
    "MemoryError",
    "memory allocation",
    "PyObject pointer is null",
    "Memory allocation still failed",
)

#: Characters of the last line of a process's stderr that are published.
_MAX_LAST_WORDS = 300
#: Importing and making a parser takes at most this long on a busy machine, seconds.
_START_S = 120.0
#: From the end of a process's answers to the report of its end, seconds.
_LAST_MOMENTS_S = 2.0

Progress = Callable[[float, str], None]


class ServerEnded(Exception):
    """The fork server had ended before it came to this parse: another one can take it."""


class ParseProcess:
    """One parse; a context manager, at whose exit, whatever the reason, the process is ended.

    ``number`` tells it from all others of its server. Only `end` may be called by other threads.
    """

    def __init__(self, server: ServerProcess, number: int, parser: str, task_id: str) -> None:
        self.task_id = task_id
        self._server = server
        self._number = number
        self._parser = parser
        self._ended_with: ParsekitError | None = None
        self._alone = False
        self._stack = contextlib.ExitStack()
        self._host_ends: tuple[socket.socket, ...] = ()

    def __enter__(self) -> ParseProcess:
        return self

    def __exit__(self, *_: object) -> None:
        """The server ends the process as soon as it sees that its supervision is closed."""
        self._stack.close()
        if self._alone:
            self._server.close()

    def end(self, error: ParsekitError) -> None:
        """End the process; the thread that waits for its answer gets this error."""
        self._ended_with = error
        for end in self._host_ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def parse(self, request: ParseRequest, progress: Progress) -> Parsed:
        """Have it parse, and wait.

        Raises `ServerEnded`, `ParserFailed`, `ParserTimeout`, the error that the parser raised, or
        that which `end` was called with.
        """
        try:
            return self._parse(request, progress)
        except (ParsekitError, ServerEnded):
            if self._ended_with is not None:
                raise self._ended_with from None
            raise

    def _parse(self, request: ParseRequest, progress: Progress) -> Parsed:
        written = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        replay = self._stack.enter_context(self._placed(request.replay))
        conversation, supervision = self._start(written)
        self._wait_for_start(supervision)
        request_id = secrets.token_hex(8)
        deadline = time.monotonic() + request.parse_seconds
        body = pickle.dumps((request_id, replace(request, replay=replay)))
        try:
            _send(conversation, frame(body), request.parse_seconds)
            return self._wait_for_answer(conversation, request_id, deadline, progress)
        except TimeoutError:
            raise ParserTimeout(
                f"parser {self._parser!r} took longer than limits.parse_seconds "
                f"({request.parse_seconds:g} s) and was ended"
            ) from None
        except _Silenced as exc:
            raise self._verdict(supervision, last_written(written), exc.may_quote) from exc
        except ValueError as exc:
            raise ParserFailed(
                f"parser {self._parser!r} answered nonsense and was ended: {exc}"
            ) from exc

    @contextlib.contextmanager
    def _placed(self, replay: Replay) -> Iterator[Replay]:
        """Put the replay into the only folder of replays that this parse sees."""
        folder = self._server.setup.folder / str(self._number)
        folder.mkdir()
        path = folder / replay.path.name
        try:
            with contextlib.suppress(FileNotFoundError):  # then the parser is given no file
                try:
                    os.link(replay.path, path)
                except FileNotFoundError:
                    raise
                except OSError:  # another file system
                    shutil.copyfile(replay.path, path)
            yield replace(replay, path=path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self, written: IO[bytes]) -> tuple[socket.socket, socket.socket]:
        conversation, its_conversation = socket.socketpair()
        supervision, its_supervision = socket.socketpair()
        for end in (conversation, supervision):
            self._stack.enter_context(end)
        with its_conversation, its_supervision:
            self._host_ends = (conversation, supervision)
            if self._ended_with is not None:  # before there was anything to close
                raise self._ended_with
            given = Descriptors(
                its_conversation.fileno(), its_supervision.fileno(), written.fileno()
            )
            try:
                self._server.start_parse(self._number, given)
            except OSError as exc:
                raise ServerEnded from exc
        return conversation, supervision

    def _wait_for_start(self, supervision: socket.socket) -> None:
        try:
            facts = _report(supervision, _START_S)
        except TimeoutError:
            self._server.kill()
            raise ParserTimeout(
                f"parser {self._parser!r} was not ready within {_START_S:g} s and was ended"
            ) from None
        except Closed:
            code, wrote = self._server.how_it_ended(_LAST_MOMENTS_S)
            if self._server.has_parser or code in (None, 0):
                raise ServerEnded from None
            raise self._describe(code, wrote, may_quote=False) from None
        if "failed" in facts:
            code_name, message, after_s, traceback = facts["failed"]
            raise with_traceback(error_for(code_name, message, retry_after_s=after_s), traceback)
        if "out_of_memory" in facts:
            raise ParserFailed(f"parser {self._parser!r} {self._out_of_memory()}")
        self._server.has_parser = True
        self._alone = "alone" in facts

    def _wait_for_answer(
        self, conversation: socket.socket, request_id: str, deadline: float, progress: Progress
    ) -> Parsed:
        steps, left, has_secret = ProgressFilter(), MAX_REPLY_BYTES, False
        while True:
            try:
                body = receive(conversation, deadline, max_bytes=left)
            except Closed:
                # All that it wrote was read, so that nothing it wrote can hold an unknown secret.
                raise _Silenced(may_quote=not has_secret) from None
            left -= len(body)
            match decode_reply(body, request_id):
                case Parsed() as parsed:
                    return parsed
                case Failed(error):
                    raise error
                case OutOfMemory():
                    raise ParserFailed(f"parser {self._parser!r} {self._out_of_memory()}")
                case HasSecret():
                    has_secret = True
                case ProgressStep(value, message):
                    if steps.passes(value):
                        progress(value, message)

    def _verdict(self, supervision: socket.socket, wrote: str, may_quote: bool) -> ParserFailed:
        """What happened to a process that said no more."""
        code: int | None = None
        try:
            code = _report(supervision, _LAST_MOMENTS_S)["ended"]
        except TimeoutError:
            pass
        except (
            Closed,
            LookupError,
        ):  # nobody reports the end of one that is alone, or the server's
            code, _ = self._server.how_it_ended(_LAST_MOMENTS_S)
        return self._describe(code, wrote, may_quote=may_quote)

    def _describe(self, code: int | None, wrote: str, *, may_quote: bool) -> ParserFailed:
        name = f"parser {self._parser!r}"
        if code is not None and any(sign in wrote for sign in _OUT_OF_MEMORY):
            # native code that runs out of memory says so first, and then much else
            return ParserFailed(f"{name} {self._out_of_memory()}")
        if code is None:
            return ParserFailed(f"{name} closed its answers and was ended")
        if code == -signal.SIGXCPU:
            return ParserFailed(f"{name} used up the CPU time of limits.parse_seconds")
        what = (
            f"crashed ({_signal_name(-code)})"
            if code < 0
            else f"ended its process (exit code {code})"
        )
        words = _last_words(wrote) if may_quote else ""
        return ParserCrashed(
            f"{name} {what}; it wrote last: {words}" if words else f"{name} {what}"
        )

    def _out_of_memory(self) -> str:
        return f"needed more than limits.parse_memory ({self._server.setup.memory_bytes >> 20} MiB)"


class _Silenced(Exception):
    """The process said no more; ``may_quote`` allows to publish what it wrote on its stderr."""

    def __init__(self, *, may_quote: bool) -> None:
        super().__init__()
        self.may_quote = may_quote


def _send(conversation: socket.socket, body: bytes, seconds: float) -> None:
    conversation.settimeout(seconds)
    try:
        conversation.sendall(body)
    except ConnectionError:  # what it wrote before is not read
        raise _Silenced(may_quote=False) from None


def _report(supervision: socket.socket, seconds: float) -> Mapping[str, Any]:
    """Receive what the fork server says next. Raises TimeoutError and `Closed`."""
    facts: Mapping[str, Any] = json.loads(receive(supervision, time.monotonic() + seconds))
    return facts


def _signal_name(number: int) -> str:
    """Real-time signals have none but the first and the last."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(wrote: str) -> str:
    """The last line. The first that was read may begin inside of a secret."""
    lines = wrote.split("\n")
    whole = lines if len(wrote.encode()) < LAST_BYTES else lines[1:]
    said = [line for line in whole if line.strip()]
    return short(said[-1], _MAX_LAST_WORDS) if said else ""
