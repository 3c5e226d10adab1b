"""Whether the storage answers, as a process says that uses it.

A storage can't be used on both sides of a fork, so the parent of a pool never asks: one child at a
time does and writes the answer down, for the parent to read. It asks in a thread of its own, so a
storage that hangs holds up nothing else.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from pathlib import Path

from parsekit.storage.atomic import OwnedFolder
from parsekit.worker.monitoring.probes import Probe, reason_of_silence

log = logging.getLogger(__name__)

ASK_SECONDS = 6.0
#: An answer takes ten seconds at most, and a child that died while it asked is soon replaced.
OVERDUE_SECONDS = 30.0
_ANSWER, _TURN = "storage.answer", "storage.turn"
_JOIN_SECONDS = 1.0


class StorageWatch:
    """Asks until the process ends, unless another of the same ``folder`` does."""

    def __init__(self, folder: Path, ask: Probe) -> None:
        self._folder = folder
        self._ask = ask
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-storage")

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more, and let another."""
        self._stopped.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            with _opened(self._folder) as folder:
                turn = folder.own_file(_TURN, os.O_RDWR | os.O_CREAT)
            with os.fdopen(turn):
                while not self._stopped.is_set():
                    if _ours(turn):
                        self._look()
                    self._stopped.wait(ASK_SECONDS)
        except OSError as exc:
            log.warning("nobody can be told whether the storage answers: %s", exc)

    def _look(self) -> None:
        why = reason_of_silence(self._ask)
        if self._stopped.is_set():  # it may have failed only as the storage is closed by now
            return
        answer = json.dumps({"at_unix": time.time(), "why": why}).encode()
        try:
            with _opened(self._folder) as folder:
                folder.write(_ANSWER, (answer,))
        except OSError as exc:  # a full disk has room again
            log.debug("what the storage answers can't be written: %s", exc)


def storage_silence(folder: Path) -> str:
    """Why the storage counts as away, "" when it answers."""
    try:
        with _opened(folder) as family:
            answer = json.loads(family.read(_ANSWER))
    except (OSError, ValueError):
        return "it has not answered yet"
    age_s = time.time() - answer["at_unix"]
    if age_s > OVERDUE_SECONDS:
        return f"it has not answered for {age_s:.0f} s"
    return str(answer["why"])


def _opened(folder: Path) -> OwnedFolder:
    return OwnedFolder.open(folder.parent, folder.name)


def _ours(descriptor: int) -> bool:
    """Whether it is this process's turn: until it ends, as a parser's process inherits no `lockf`.

    Raises OSError where files can't be locked.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
