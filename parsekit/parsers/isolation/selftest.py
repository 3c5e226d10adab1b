"""A parser that tries what none may, so that ``parsekit doctor`` sees the sandbox at work."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from parsekit.model import Job, JsonObject, Parsed, Replay
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.providers import ProviderContext

_SECONDS = 10.0


class Probe:
    """Answers, of each attempt, whether it went through."""

    def __init__(self, context: ProviderContext) -> None:
        del context

    def parse(self, replay: Replay, job: Job) -> Parsed:
        """Try, and do no harm where it works."""
        del job
        outside = Path(replay.name)
        attempts: Mapping[str, Callable[[], object]] = {
            "open a network connection": lambda: socket.socket().close(),
            "start a program": _start_a_process,
            "read a file outside": outside.read_bytes,
            "write a file": lambda: outside.write_bytes(b""),
        }
        return Parsed(data={name: _works(attempt) for name, attempt in attempts.items()})


_SPEC = ParserSpec(
    parser="selftest",
    create=f"{__name__}:{Probe.__name__}",
    context=ProviderContext(),
    search_path=(),
)


def attempts_that_work(memory_bytes: int) -> JsonObject:
    """What a parser on this system can do: attempt to True or False.

    Raises a `ParsekitError` when no child can be run.
    """
    pool = ParsePool(memory_bytes)
    try:
        with tempfile.NamedTemporaryFile() as outside:
            replay = Replay(path=Path(outside.name), name=outside.name, sha256="", size_bytes=0)
            return dict(pool.parse(_SPEC, _request(replay), lambda _value, _message: None).data)
    finally:
        pool.close()


def _request(replay: Replay) -> ParseRequest:
    return ParseRequest(
        replay=replay, task_id="doctor", bulk=False, has_fallback=False, parse_seconds=_SECONDS
    )


def _start_a_process() -> None:
    if os.fork() == 0:
        os._exit(0)


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True
