"""The host's side of a fork server: the process that has made one parser."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from typing import IO

from parsekit.parsers.isolation.protocol import PARSE_NUMBER, Descriptors, Setup, frame

_PROGRAM = "parsekit.parsers.isolation.fork_server"
#: What a parser may see of the environment: no secrets, but what Python needs to start.
_ENVIRONMENT = frozenset(
    (
        *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"),
        *("PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH", "PYTHONNOUSERSITE"),
        *("PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE"),
        *("PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE", "PYTHONWARNINGS"),
        *("PYTHONDEVMODE", "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONMALLOC"),
    )
)
#: One thread each: a parse has one core, and each BLAS thread reserves address space.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
#: How long the end of a server is waited for, seconds.
_CLOSE_S = 1.0
#: What is read of a process's stderr.
LAST_BYTES = 2000


class Interpreter:
    """A process that imports what every fork server needs, and waits to hear which parser.

    It can be started before the configuration is read. The thread that makes it must live as long:
    Linux ends a process (PDEATHSIG) with the thread that started it.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.log: IO[bytes] = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self.control, its_control = socket.socketpair()
        self._stack.enter_context(self.control)
        environ = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        with its_control:
            self.process = subprocess.Popen(
                # -P: the current folder, which may hold anything, is no place to import from
                [sys.executable, "-P", "-m", _PROGRAM, str(its_control.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                pass_fds=[its_control.fileno()],
                env={**environ, **_ONE_THREAD, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it; its children end with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it; may be called again.

        A process of the lowest priority takes a while even to die when the machine is busy, and is
        not waited for any longer than `_CLOSE_S`.
        """
        self.kill()
        self._stack.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_CLOSE_S)


class ServerProcess:
    """The process that has made one parser; used by several threads at once."""

    def __init__(self, setup: Setup, interpreter: Interpreter | None = None) -> None:
        self.setup = setup
        #: Whether it has made its parser: what ends it now is not the fault of a waiting parse.
        self.has_parser = False
        self._interpreter = interpreter or Interpreter()
        with contextlib.suppress(OSError):  # it has ended, as the first parse will find
            self._interpreter.control.sendall(frame(pickle.dumps(setup)))

    @property
    def alive(self) -> bool:
        """Whether it can take a parse."""
        return self._interpreter.process.poll() is None

    def start_parse(self, number: int, given: Descriptors) -> None:
        """Have a child forked. Raises OSError when the server has ended."""
        if not self.alive:  # a child that ends with it holds its socket open for a moment longer
            raise BrokenPipeError
        socket.send_fds(self._interpreter.control, [PARSE_NUMBER.pack(number)], [*given])

    def how_it_ended(self, timeout_s: float) -> tuple[int | None, str]:
        """Its exit code, and the end of what it wrote; None while it runs, or once it is closed."""
        process = self._interpreter.process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
        try:
            return process.poll(), last_written(self._interpreter.log)
        except ValueError:  # a file that was closed
            return None, ""

    def kill(self) -> None:
        """End it; its children end with it."""
        self._interpreter.kill()

    def close(self) -> None:
        """End it; may be called again."""
        self._interpreter.close()


def last_written(file: IO[bytes]) -> str:
    """The end of what a process wrote on its stderr; it may begin within a line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LAST_BYTES))
    return file.read().decode(errors="replace")
