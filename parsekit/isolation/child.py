"""The child process: takes errands from its input until that ends.

Started by `parsekit.isolation.pool` with three arguments: memory in bytes, niceness, and the folder
where replays are put. It serves one parser: what that may see is settled at the first errand.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from parsekit.errors import ParsekitError
from parsekit.importing import resolve
from parsekit.isolation.sandbox import give_up_files, give_up_system
from parsekit.isolation.steps import Steps
from parsekit.isolation.wire import Errand, receive, send_json
from parsekit.logs.redaction import cleaned, when_remembering
from parsekit.model import Job, NotReady, Parsed
from parsekit.providers import Parser

_PR_SET_PDEATHSIG = 1
#: How the loader says so, without and with the system's reason; other reasons are no lack of room.
_NO_ROOM = ("failed to map segment from shared object", "Cannot allocate memory")

#: Held while a frame is written: a parser may have threads.
_speaking = threading.Lock()


def main() -> None:
    """Serve errands one after the other."""
    answers = _keep_answers_apart()
    _limit(int(sys.argv[1]))
    _yield_to_others(int(sys.argv[2]))
    give_up_system()
    # said before the parser has the secret, so that nothing it writes comes before
    when_remembering(lambda: _say(answers, "has_secret", None))
    errands = sys.stdin.buffer
    while (frame := receive(errands)) is not None:
        _serve(pickle.loads(frame), answers)  # noqa: S301  (from our own parent only)
        gc.collect()
        _give_memory_back()


def _keep_answers_apart() -> BinaryIO:
    """Keep stdout for answers and send what a parser prints to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # a parent that is killed must not leave a parser behind
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _yield_to_others(niceness: int) -> None:
    """Take only the time that nobody else wants, where ``niceness`` is not 0."""
    if niceness:
        os.nice(niceness)
        # A session has an autogroup of its own, within which alone niceness counts (man 7 sched).
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _serve(errand: Errand, answers: BinaryIO) -> None:
    sys.path[:] = list(dict.fromkeys((*errand.search_path, *sys.path)))
    _limit_time(errand.parse_seconds)
    try:
        parser = _parser(errand)
        answer = parser.parse(errand.replay, _job(errand, answers))
        _say(answers, *_answer(errand.parser, answer))
    except ParsekitError as exc:
        # A secret that was read here is known here alone, so that this is the place to mask it.
        _say(answers, "error", [exc.code, cleaned(exc.message), exc.retry_after_s])
    except BaseException as exc:  # noqa: BLE001  (a panic of native code is no Exception)
        if _ran_out_of_memory(exc):
            _say(answers, "out_of_memory", None)
            return
        text = f"parser {errand.parser!r} failed: {type(exc).__name__}: {exc}"
        _say(answers, "error", ["parser_failed", cleaned(text), None])


def _ran_out_of_memory(error: BaseException) -> bool:
    """An import of native code that finds no room is an ImportError with the loader's words."""
    unmapped = isinstance(error, ImportError) and str(error).rstrip().endswith(_NO_ROOM)
    return unmapped or isinstance(error, MemoryError)


def _say(answers: BinaryIO, kind: str, value: Any) -> None:
    with _speaking:
        send_json(answers, kind, value)


def _limit_time(seconds: float) -> None:
    """Bound CPU time as a second net: a child whose parent is stopped ends all the same."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds + 5), hard))


_made: dict[bytes, Parser] = {}


def _parser(errand: Errand) -> Parser:
    """The parser, made once a child; from then on nothing but code and replays can be read."""
    key = pickle.dumps(errand.context)
    if key not in _made:
        first = not _made
        _made[key] = resolve(errand.create)(errand.context)
        if first:
            give_up_files(Path(sys.argv[3]), errand.create, sys.path)
    return _made[key]


def _job(errand: Errand, answers: BinaryIO) -> Job:
    steps = Steps()  # here as well, so that a talkative parser keeps its breath for its answer

    def progress(value: float, message: str) -> None:
        if steps.further(value):
            _say(answers, "progress", [value, cleaned(str(message))])

    return Job(
        task_id=errand.task_id,
        bulk=errand.bulk,
        has_fallback=errand.has_fallback,
        progress=progress,
    )


def _answer(parser: str, answer: object) -> tuple[str, Any]:
    """Check what the parser returned: a plugin's author may have returned anything."""
    if isinstance(answer, Parsed) and isinstance(answer.data, dict):
        warnings = [cleaned(str(each)) for each in answer.warnings]
        return "parsed", {"data": answer.data, "warnings": warnings}
    if isinstance(answer, Parsed):
        text = f"answers {type(answer.data).__name__} as data, want a dict"
    elif isinstance(answer, NotReady):
        text = 'answers NotReady, which only a parser with runs="remote" may'
    else:
        text = f"answers {type(answer).__name__}, want parsekit.Parsed"
    return "error", ["parser_failed", f"parser {parser!r} {text}", None]


def _give_memory_back() -> None:
    """An idle child should be small; glibc keeps freed memory unless asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


if __name__ == "__main__":
    main()
