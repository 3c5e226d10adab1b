"""The child that parses one replay: it restricts itself, takes a request, answers, and ends."""

from __future__ import annotations

import os
import pickle
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from parsekit.errors import ParsekitError
from parsekit.json_text import NotJson
from parsekit.model import Job, NotReady, Parsed
from parsekit.parsers.isolation.protocol import (
    Descriptors,
    ParseRequest,
    ParserSpec,
    ProgressFilter,
    encode_reply,
    receive,
    traceback_of,
)
from parsekit.parsers.isolation.sandbox import Sandbox
from parsekit.providers import Parser
from parsekit.redaction.secrets import cleaned, has_secrets, when_remembering

#: The host sends the request as soon as it knows of this process, seconds.
_REQUEST_S = 60.0
#: CPU time beyond ``parse_seconds`` before the kernel ends a child whose host is stopped, seconds.
_SPARE_CPU_S = 5
#: How the loader says so, without and with the system's reason; other reasons are no lack of room.
_NO_ROOM = ("failed to map segment from shared object", "Cannot allocate memory")

Answer = Callable[[str, Any], None]


def serve(
    parser: Parser, spec: ParserSpec, sandbox: Sandbox, given: Descriptors, folder: Path
) -> NoReturn:
    """Parse the one replay in ``folder``, and end this process."""
    os.dup2(given.stderr, 1)  # what a parser prints
    os.dup2(given.stderr, 2)
    host = socket.socket(fileno=given.conversation)
    sandbox.restrict_all(folder)
    os.closerange(3, given.conversation)
    os.closerange(given.conversation + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    request_id, request = pickle.loads(receive(host, time.monotonic() + _REQUEST_S))  # noqa: S301
    host.settimeout(None)
    _limit_cpu(request.parse_seconds)
    speaking = threading.Lock()  # a parser may have threads

    def answer(kind: str, value: Any) -> None:
        body = encode_reply(request_id, kind, value)
        with speaking:
            host.sendall(body)

    if has_secrets():
        answer("has_secret", None)
    # said before the parser has the secret, so that nothing it writes comes before
    when_remembering(lambda: answer("has_secret", None))
    _parse(parser, spec.parser, request, answer)
    os._exit(0)


def _parse(parser: Parser, name: str, request: ParseRequest, answer: Answer) -> None:
    try:
        answer(*_checked(name, parser.parse(request.replay, _job(request, answer)), request))
    except NotJson as exc:
        text = cleaned(f"parser {name!r} answers data that are no JSON: {exc}")
        answer("error", ["parser_failed", text, ""])
    except ParsekitError as exc:
        # A secret that was read here is known here alone, so that this is the place to mask it.
        answer("error", [exc.code, cleaned(exc.message), ""])
    except BaseException as exc:  # noqa: BLE001  (a panic of native code is no Exception)
        if ran_out_of_memory(exc):
            answer("out_of_memory", None)
            return
        text = cleaned(f"parser {name!r} failed: {type(exc).__name__}: {exc}")
        answer("error", ["parser_failed", text, traceback_of(exc)])


def ran_out_of_memory(error: BaseException) -> bool:
    """An import of native code that finds no room is an ImportError with the loader's words."""
    unmapped = isinstance(error, ImportError) and str(error).rstrip().endswith(_NO_ROOM)
    return unmapped or isinstance(error, MemoryError)


def _limit_cpu(parse_seconds: float) -> None:
    """A second net: a child whose host is stopped ends all the same.

    The hard limit, which the child can't raise, ends one that ignores the signal of the soft one.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = int(used.ru_utime + used.ru_stime + parse_seconds) + _SPARE_CPU_S
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or limit_s < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))


def _job(request: ParseRequest, answer: Answer) -> Job:
    steps = ProgressFilter()  # here as well: a talkative parser keeps its bytes for its answer

    def progress(value: float, message: str) -> None:
        if steps.passes(value):
            answer("progress", [value, cleaned(str(message))])

    return Job(
        task_id=request.task_id,
        bulk=request.bulk,
        has_fallback=request.has_fallback,
        timeline=request.timeline,
        progress=progress,
    )


def _checked(parser: str, answer: object, request: ParseRequest) -> tuple[str, Any]:
    """Check what the parser returned: a plugin's author may have returned anything."""
    if isinstance(answer, Parsed) and isinstance(answer.data, dict):
        warnings = [cleaned(str(each)) for each in answer.warnings]
        asked = answer.timeline if request.timeline else None
        timeline = asked.to_json() if asked else None
        return "parsed", {
            "data": answer.data,
            "warnings": warnings,
            "notice": cleaned(str(answer.notice)),
            "reader": cleaned(str(answer.reader)),
            "timeline": timeline,
        }
    if isinstance(answer, Parsed):
        text = f"answers {type(answer.data).__name__} as data, want a dict"
    elif isinstance(answer, NotReady):
        text = 'answers NotReady, which only a parser with runs="remote" may'
    else:
        text = f"answers {type(answer).__name__}, want parsekit.Parsed"
    return "error", ["parser_failed", f"parser {parser!r} {text}", ""]
