"""Runs parses of local parsers, each in a process of its own that a fork server starts."""

from __future__ import annotations

import contextlib
import itertools
import logging
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from parsekit.errors import ParsekitError, ParserFailed
from parsekit.model import Parsed
from parsekit.parsers.isolation.parse_process import ParseProcess, Progress, ServerEnded
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec, Setup
from parsekit.parsers.isolation.server_process import Interpreter, ServerProcess
from parsekit.storage.workspace import workspace

log = logging.getLogger("parsekit.isolation")


class ParsePool:
    """Runs parses, each in a process of its own. Make one a process, after a fork.

    ``niceness`` 1 to 19 lets them yield to all other work of this machine. ``interpreter`` is one
    that was started already, for the first parse; it is the pool's from then on.
    """

    def __init__(
        self, memory_bytes: int, *, niceness: int = 0, interpreter: Interpreter | None = None
    ) -> None:
        self._memory_bytes = _attainable(memory_bytes)
        self._niceness = niceness
        self._interpreter = interpreter
        self._stack = contextlib.ExitStack()
        self._folder: Path | None = None
        self._servers: list[tuple[ParserSpec, Future[ServerProcess]]] = []
        self._retired: list[ServerProcess] = []
        self._at_work: set[ParseProcess] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._closed = False
        # as long as all of them live: see `Interpreter`
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="parsekit-fork-server")

    def parse(self, spec: ParserSpec, request: ParseRequest, progress: Progress) -> Parsed:
        """Parse in a new process.

        Raises `ParserFailed`, `ParserTimeout`, or the error that the parser raised.
        """
        while True:
            starting = self._server_for(spec)
            try:
                server = starting.result()
            except OSError as exc:
                self._forget(starting)
                text = f"no process for parser {spec.parser!r}: {exc.strerror}"
                raise ParserFailed(text) from exc
            try:
                with self._process(server, spec.parser, request.task_id) as process:
                    return process.parse(request, progress)
            except ServerEnded:  # before it came to this parse
                self._forget(starting)

    def cancel(self, task_id: str, error: ParsekitError) -> None:
        """End the parse of this task, if it is at work; its caller gets ``error``."""
        with self._lock:
            for process in self._at_work:
                if process.task_id == task_id:
                    process.end(error)

    def close(self) -> None:
        """End all parses and servers."""
        with self._lock:
            self._closed = True
            for process in self._at_work:
                process.end(ParserFailed("the parser was stopped"))
        self._starter.shutdown()
        servers = [each.result() for _, each in self._servers if not each.exception()]
        servers += self._retired
        for server in servers:
            server.kill()
        for server in servers:
            server.close()
        if self._interpreter is not None:
            self._interpreter.close()
        self._stack.close()

    @contextlib.contextmanager
    def _process(self, server: ServerProcess, parser: str, task_id: str) -> Iterator[ParseProcess]:
        with ParseProcess(server, next(self._numbers), parser, task_id) as process:
            with self._lock:
                if self._closed:
                    raise ParserFailed("the parser was stopped")
                self._at_work.add(process)
            try:
                yield process
            finally:
                with self._lock:
                    self._at_work.discard(process)

    def _server_for(self, spec: ParserSpec) -> Future[ServerProcess]:
        """The server that has made this parser, or soon will have."""
        with self._lock:
            if self._closed:
                raise ParserFailed("the parser was stopped")
            for known, starting in self._servers:
                if known == spec:
                    return starting
            starting = self._starter.submit(self._start_server, spec)
            self._servers.append((spec, starting))
            return starting

    def _start_server(self, spec: ParserSpec) -> ServerProcess:
        if self._folder is None:
            self._folder = self._stack.enter_context(workspace())
        setup = Setup(
            spec=spec,
            memory_bytes=self._memory_bytes,
            niceness=self._niceness,
            folder=self._folder,
        )
        interpreter, self._interpreter = self._interpreter, None
        return ServerProcess(setup, interpreter)

    def _forget(self, starting: Future[ServerProcess]) -> None:
        """Have the next parse start another server. One that parses alone may be at work still."""
        with self._lock:
            left = [each for each in self._servers if each[1] is not starting]
            if len(left) < len(self._servers) and starting.exception() is None:
                self._retired.append(starting.result())
            self._servers = left
            ended = [server for server in self._retired if not server.alive]
            self._retired = [server for server in self._retired if server not in ended]
        for server in ended:
            server.close()


@cache
def _attainable(memory_bytes: int) -> int:
    """The limit of memory that this process may give to another one; a lower one is said once."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or memory_bytes <= hard:
        return memory_bytes
    log.warning(
        "this process may have %d MiB of address space at most: parsers get that, not "
        "limits.parse_memory (%d MiB)",
        hard >> 20,
        memory_bytes >> 20,
    )
    return hard
