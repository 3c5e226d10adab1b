"""The process that runs the embedded Valkey for as long as any worker of its folder lives.

`python -m parsekit.worker.embedded.keeper FOLDER COMMAND...`. Loads little of parsekit.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from parsekit.storage.atomic import OwnedFolder

#: Locked by each worker (shared), and by whoever ends the server (exclusive). It is a record lock,
#: which belongs to one process: the children of a worker's pool don't have it.
WORKERS = "workers"
#: Locked (`flock`) by the keeper and by the server, which has it from the keeper: two servers never
#: write one folder, also when a keeper was killed and its server is still about to end.
SERVER = "server"

#: How long the server gets to save its data, seconds.
STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def keep(folder: Path, command: Sequence[str]) -> int:
    """Run ``command`` in ``folder`` until no worker is left; return its exit code.

    Answers 0 at once when a server of this folder runs already.
    """
    with OwnedFolder.open(folder) as held:
        os.fchdir(held.descriptor)
        locked = held.own_file(SERVER, os.O_RDWR | os.O_CREAT)
    with os.fdopen(locked) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            preexec_fn=_with_its_parent(),  # noqa: PLW1509  (there is one thread)
        )
        threading.Thread(target=_end_after_the_workers, args=[server], daemon=True).start()
        return server.wait()


def _end_after_the_workers(server: subprocess.Popen[bytes]) -> None:
    """The lock is held until this process ends: who comes meanwhile waits, and starts anew."""
    workers = os.open(WORKERS, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    fcntl.lockf(workers, fcntl.LOCK_EX)
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _with_its_parent() -> Callable[[], None]:
    """Has Linux tell the server to end when its keeper is killed, so that it never runs alone."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    keeper = os.getpid()

    def ask() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != keeper:
            os._exit(1)

    return ask


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), sys.argv[2:]))
