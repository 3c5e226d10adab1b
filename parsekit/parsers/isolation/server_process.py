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


class ServerProcess:
    """The process that has made one parser; used by several threads at once."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._stack = contextlib.ExitStack()
        self._log: IO[bytes] = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._control, its_control = socket.socketpair()
        self._stack.enter_context(self._control)
        environ = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        with its_control:
            self._process = subprocess.Popen(
                # -P: the current folder, which may hold anything, is no place to import from
                [sys.executable, "-P", "-m", _PROGRAM, str(its_control.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[its_control.fileno()],
                env={**environ, **_ONE_THREAD, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        with contextlib.suppress(OSError):  # it has ended, as the first parse will find
            self._control.sendall(frame(pickle.dumps(setup)))

    @property
    def alive(self) -> bool:
        """Whether it can take a parse."""
        return self._process.poll() is None

    def start_parse(self, number: int, given: Descriptors) -> None:
        """Have a child forked. Raises OSError when the server has ended."""
        socket.send_fds(self._control, [PARSE_NUMBER.pack(number)], [*given])

    def how_it_ended(self, timeout_s: float) -> tuple[int | None, str]:
        """Its exit code, and the end of what it wrote; None while it runs, or once it is closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        try:
            return self._process.poll(), last_written(self._log)
        except ValueError:  # a file that was closed
            return None, ""

    def kill(self) -> None:
        """End it; its children end with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it; may be called again.

        A process of the lowest priority takes a while even to die when the machine is busy, and is
        not waited for any longer than `_CLOSE_S`.
        """
        self.kill()
        self._stack.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_S)


def last_written(file: IO[bytes]) -> str:
    """The end of what a process wrote on its stderr; it may begin within a line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LAST_BYTES))
    return file.read().decode(errors="replace")
