"""A child process that is a server: start, wait until it answers, freeze, kill, end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

#: Below the ports that Linux gives to outgoing connections (32768 and up), one of which might take
#: the port before the server does.
_PORTS = range(15_000, 32_000)
#: Processes of a test run, at most, that never draw each other's ports.
_SHARES = 16
#: Ports that this process drew last: a server that starts does not listen on all of its own yet.
_drawn: deque[int] = deque(maxlen=300)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on just now, and no client will be given.

    Nor is it drawn by another process of the same run of tests, or again by this one soon.
    """
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    while True:
        port = random.choice(_PORTS[share::_SHARES])  # noqa: S311  (no secret)
        if port in _drawn:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _drawn.append(port)
            return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerFailed(RuntimeError):
    """A test server ended, or did not answer in time; the message has the end of its log."""


class ServerProcess:
    """One server and everything it started, as a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        ready: Callable[[], bool],
        environ: Mapping[str, str] | None = None,
        start_seconds: float = 30,
    ) -> None:
        self.command = list(command)
        self.folder = folder
        self.log = folder / "server.log"
        self._ready = ready
        self._environ = {**os.environ, **(environ or {})}
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready; a first failure is tried once more.

        Raises `ServerFailed` with the end of the log.
        """
        try:
            self._start_once()
        except ServerFailed:  # a busy machine, or a port that somebody took before it did
            self._start_once()

    def _start_once(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + self._start_seconds
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise ServerFailed(f"{self.command[0]} did not start:\n{self.log_tail()}")
            time.sleep(0.02)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what it printed."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Signal the whole group: SIGSTOP freezes, SIGCONT thaws, SIGTERM asks it to end.

        Raises `ServerFailed` with the end of the log when it has ended by itself.
        """
        if self._process is not None and not _signalled(self._process, number):
            raise ServerFailed(f"{self.command[0]} has ended:\n{self.log_tail()}")

    def wait(self, seconds: float) -> None:
        """Wait until it has ended with all that it started. Raises `ServerFailed` after that."""
        end = time.monotonic() + seconds
        while self._process is not None and _signalled(self._process, 0):
            if time.monotonic() > end:
                raise ServerFailed(f"{self.command[0]} has not ended within {seconds:.0f} s")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a power cut would, whether it runs, is frozen or has ended."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and insist after ten seconds."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _signalled(process, number)
        _signalled(process, signal.SIGCONT)  # a frozen one hears nothing but SIGKILL
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        _signalled(process, signal.SIGKILL)  # what it started may outlive it
        process.wait()


def _signalled(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal the group of a process; False when nobody of it is left."""
    process.poll()  # one that has ended and was not waited for still takes signals
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True
