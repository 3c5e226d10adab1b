"""Processes of tests without the second of imports that each would begin with.

`popen` takes what `subprocess.Popen` takes. A command ``python -m MODULE …`` of this interpreter
becomes a fork of one process that has imported parsekit, Celery and the plugins
(`devkit.warm_server`); anything else, and what a fork would not do alike, is executed by
`subprocess` as ever.

A fork differs from an executed program in these ways; tests that are about one of them use
`subprocess`:

* what is imported is there already, and has read the environment of the server (`COLD_VARIABLES`);
  nothing can be said of the time or failure of imports;
* its parent is the server, not the test, and it always leads a session of its own;
* ``cmdline``, ``exe`` and ``environ`` in ``/proc`` are the server's, and so is most of its memory;
* all children share one seed of hashes;
* modules are not emptied at the end, so that no `__del__` runs then.
"""

from __future__ import annotations

import atexit
import inspect
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from devkit.warm_server import NUMBER, START, Start

#: Starts a process: `subprocess.Popen` or `popen`.
Starter = Callable[..., "subprocess.Popen[bytes]"]

#: How variables begin that Python or a library reads when it starts or is imported.
COLD_VARIABLES = (
    *("PYTHON", "LANG", "LC_", "TZ", "CELERY_", "C_", "KOMBU_", "FORKED_BY_", "OTEL_PYTHON_"),
    *("FSSPEC_", "PROMETHEUS_", "PYDANTIC_", "TYPER_"),
)
#: Variables of those beginnings that a fork follows.
_FOLLOWED = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
#: Names of the one locale that the server has.
_LOCALES = {"", "C", "C.UTF-8", "C.utf8", "POSIX"}
_OPTIONS = {"cwd", "env", "stdin", "stdout", "stderr", "start_new_session"}
_START_SECONDS = 60


def popen(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process, as a fork of the warm server where its user can't tell."""
    environ = options.get("env") or os.environ
    can_fork = (
        list(command[:2]) == [sys.executable, "-m"]
        and options.keys() <= _OPTIONS
        and not any(_is_cold(name, text) for name, text in environ.items())
        and not _is_customized(environ.get("PYTHONPATH", ""))
    )
    return (WarmPopen if can_fork else subprocess.Popen)(command, **options)


def run(
    command: Sequence[str],
    *,
    input: bytes | None = None,  # noqa: A002  (its name in `subprocess.run`)
    timeout: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end and answer all that it wrote, as `subprocess.run` does."""
    stdin = {} if input is None else {"stdin": subprocess.PIPE}
    with popen(
        command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **stdin, **options}
    ) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _is_cold(name: str, text: str) -> bool:
    if name in _FOLLOWED or (name.startswith(("LANG", "LC_")) and text in _LOCALES):
        return False
    return name.startswith(COLD_VARIABLES)


def _is_customized(python_path: str) -> bool:
    """Whether Python would import a module of the path before any other."""
    folders = [Path(part) for part in python_path.split(os.pathsep) if part]
    return any((folder / "sitecustomize.py").exists() for folder in folders)


class WarmPopen(subprocess.Popen[bytes]):
    """A child of the warm server in place of our own: the same but for its start and its end.

    Replaces those three methods of `subprocess.Popen` that know of the operating system's child.
    """

    _supervision: socket.socket
    _waitpid_lock: threading.Lock  # of `subprocess.Popen`, as are the two methods

    def _execute_child(self, *positional: Any) -> None:
        executes = inspect.signature(getattr(super(), "_execute_child"))  # noqa: B009  (has no type)
        given = executes.bind(*positional).arguments
        ends = (given["p2cread"], given["c2pwrite"], given["errwrite"])
        streams = [own if end == -1 else end for own, end in enumerate(ends)]
        environ = os.environ if given["env"] is None else given["env"]
        module, *arguments = map(os.fspath, given["args"][2:])
        try:
            self._supervision = _server().start(
                Start(
                    module=module,
                    arguments=arguments,
                    environ=dict(environ),
                    folder=str(Path(given["cwd"] or ".").absolute()),
                ),
                streams,
            )
            self.pid = _number(self._supervision)
            self._child_created = True
        finally:
            pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            getattr(self, "_close_pipe_fds")(*(given[name] for name in pipes))  # noqa: B009

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        return self._wait_for_end(0)

    def _wait(self, timeout: float | None) -> int:
        code = self._wait_for_end(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _wait_for_end(self, seconds: float | None) -> int | None:
        if self.returncode is None and _readable(self._supervision, seconds):
            with self._waitpid_lock:
                if self.returncode is None:
                    self.returncode = _number(self._supervision)
                    self._supervision.shutdown(socket.SHUT_WR)
                    self._supervision.recv(1)  # nothing: the server has reaped the child
                    self._supervision.close()
        return self.returncode


def _readable(supervision: socket.socket, seconds: float | None) -> bool:
    try:
        return bool(select.select([supervision], [], [], seconds)[0])
    except ValueError:  # another thread has just closed it
        return True


def _number(supervision: socket.socket) -> int:
    answer = supervision.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(answer) < NUMBER.size:
        raise RuntimeError("the server of warm starts has ended")
    number: int = NUMBER.unpack(answer)[0]
    return number


class _WarmServer:
    """The server process of this test process; it ends when its control socket closes."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        environ = {name: text for name, text in os.environ.items() if not _is_cold(name, text)}
        environ.pop("PYTHONPATH", None)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devkit.warm_server", str(number)],
                cwd=Path(__file__).parents[1],
                env={**environ, "LANG": "C.UTF-8"},
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End it."""
        self._control.close()
        self._process.wait()

    def start(self, start: Start, streams: Sequence[int]) -> socket.socket:
        """Have a child forked; return the socket that tells its process id and its exit code."""
        ours, theirs = socket.socketpair()
        written = start.write()
        with theirs, self._lock:
            socket.send_fds(self._control, [START], [theirs.fileno(), written, *streams])
        os.close(written)
        return ours


@cache
def _server() -> _WarmServer:
    return _WarmServer()
