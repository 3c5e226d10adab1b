"""The file in which a worker says how it is, for probes that load no Celery and ask no broker."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from parsekit.storage.atomic import Folder, OwnedFolder

_SUFFIX = ".json"
#: A worker writes every `BEAT_SECONDS`; a file older than this is of one that hangs.
BEAT_SECONDS = 2.0
STALE_SECONDS = 20.0
#: How long the event loop may be busy, or a queue with messages go untouched, seconds.
STALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How one worker is.

    ``loop_idle_s`` is since the event loop last turned, ``untouched_s`` since a message was taken
    while some were there and slots were free, ``longest_run_s`` the age of the oldest run and
    ``run_limit_s`` what a run may take. ``away`` says, of the broker, the results and the storage,
    what does not answer, and ``held_back`` why messages are left that the worker was started for;
    both are empty when it is ready.
    """

    pid: int
    at_unix: float
    loop_idle_s: float = 0.0
    untouched_s: float = 0.0
    running: int = 0
    longest_run_s: float = 0.0
    run_limit_s: float = 0.0
    away: dict[str, str] = field(default_factory=dict)
    held_back: str = ""

    def write(self, folder: Path) -> None:
        """Replace this worker's file in one step."""
        with OwnedFolder.open(folder, make=True) as held:
            held.write(file_of(folder, self.pid).name, (json.dumps(asdict(self)).encode(),))

    def not_live(self, now_unix: float) -> str | None:
        """Why the worker should be restarted; a server that is away is no reason."""
        age_s = now_unix - self.at_unix
        if age_s > STALE_SECONDS:
            return f"it has said nothing for {age_s:.0f} s"
        if self.run_limit_s and self.longest_run_s > self.run_limit_s:
            return f"a task runs for {self.longest_run_s:.0f} s already"
        if "broker" in self.away:
            return None
        if self.loop_idle_s > STALL_SECONDS:
            return f"its event loop stands still for {self.loop_idle_s:.0f} s"
        if self.untouched_s > STALL_SECONDS:
            return f"it has taken no message for {self.untouched_s:.0f} s although some wait"
        return None

    def not_ready(self, now_unix: float) -> str | None:
        """Why the worker can't do its work just now."""
        if (reason := self.not_live(now_unix)) is not None:
            return reason
        reasons = [f"{name}: {why}" for name, why in self.away.items()]
        return "; ".join(filter(None, (*reasons, self.held_back))) or None


def folder_of(data_dir: Path) -> Path:
    """Where the workers of this machine write."""
    return data_dir / "workers"


def file_of(folder: Path, pid: int) -> Path:
    """The file of one worker."""
    return folder / f"{pid}{_SUFFIX}"


def heartbeats(folder: Path) -> Iterator[Heartbeat]:
    """Every worker of this machine that is alive, whoever asks."""
    try:
        held = Folder.open(folder)
    except FileNotFoundError:
        return
    with held:
        for name in held.names():
            with contextlib.suppress(OSError, ValueError, TypeError):
                beat = Heartbeat(**json.loads(held.read(name)))
                if is_alive(beat.pid):
                    yield beat


def sweep(folder: Path) -> None:
    """Remove the files of workers that were killed. Raises OSError."""
    with OwnedFolder.open(folder, make=True) as held:
        held.sweep_drafts()
        for name in held.own_names(_SUFFIX):
            pid = name.removesuffix(_SUFFIX)
            if pid.isdecimal() and not is_alive(int(pid)):
                held.delete_own(name)


def remove(folder: Path, pid: int) -> None:
    """Remove the file of one worker. Raises OSError."""
    with OwnedFolder.open(folder) as held:
        held.delete_own(file_of(folder, pid).name)


def verdicts(folder: Path, *, ready: bool) -> list[tuple[int, str | None]]:
    """Pid of each worker and what is wrong with it, None when it is well."""
    now = time.time()
    beats = heartbeats(folder)
    return [(b.pid, b.not_ready(now) if ready else b.not_live(now)) for b in beats]


def is_alive(pid: int) -> bool:
    """Whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
