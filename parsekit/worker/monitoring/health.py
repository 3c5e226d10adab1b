"""Whether a worker is well: what its process sees, and the heartbeat file in which it says so.

The file is for probes that load no Celery and ask no server.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from parsekit.storage.atomic import Folder, OwnedFolder

if TYPE_CHECKING:
    from parsekit.worker.consumption import Consumption
    from parsekit.worker.monitoring.queue_stats import Backlog

log = logging.getLogger(__name__)

#: Servers are asked at every so many beats.
_PROBE_EVERY = 3
_STORAGE = "storage"
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
    both are empty when it is ready. ``began`` is `began_of` the process, whose id may be another's
    one day; "" where that is not known.
    """

    pid: int
    at_unix: float
    began: str = ""
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
                if is_alive(beat.pid) and beat.began in ("", began_of(beat.pid)):
                    yield beat


def sweep(folder: Path) -> None:
    """Remove the files of workers that were killed. Raises OSError."""
    with OwnedFolder.open(folder, make=True) as held:
        held.sweep_drafts()
        living = {str(beat.pid) for beat in heartbeats(folder)}
        for name in held.own_names(_SUFFIX):
            pid = name.removesuffix(_SUFFIX)
            if pid.isdecimal() and pid not in living:
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


def began_of(pid: int) -> str:
    """When this process began, in ticks since the machine's; "" where no ``/proc`` says so."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return facts.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name may hold spaces


class Runs(Protocol):
    """The tasks that run in this worker."""

    @property
    def count(self) -> int:
        """How many run."""
        ...

    @property
    def longest_s(self) -> float:
        """The age of the oldest run, seconds."""
        ...

    @property
    def runs(self) -> int:
        """Runs begun so far."""
        ...


class StallDetector:
    """For how long messages wait that this worker could take, and takes none."""

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._clock = clock
        self._runs_seen = 0
        self._touched = clock()

    @property
    def untouched_s(self) -> float:
        """Seconds since it took one, or had no reason to."""
        return self._clock() - self._touched

    def reset(self) -> None:
        """Begin anew, as the broker was away."""
        self._touched = self._clock()

    def note(self, *, runs: int, running: int, backlog: Backlog, throttled: bool) -> None:
        """Take in what was seen. A worker at work may have no slot for back-fills, and be well."""
        moved = runs != self._runs_seen
        self._runs_seen = runs
        waiting = backlog.preferred + (0 if running else backlog.bulk)
        if moved or throttled or running >= self._slots or not waiting:
            self.reset()


class HealthMonitor:
    """How this worker is.

    Each of ``probes``, and ``storage``, returns why that server counts as away, "" when it does not
    (see `parsekit.worker.monitoring.probes`); ``backlog`` the messages that wait to be taken here.
    """

    def __init__(
        self,
        *,
        folder: Path,
        running: Runs,
        slots: int,
        run_limit_s: float,
        probes: Mapping[str, Callable[[], str]],
        storage: Callable[[], str],
        backlog: Callable[[], Backlog],
        consumption: Consumption,
    ) -> None:
        self._folder = folder
        self._running = running
        self._run_limit_s = run_limit_s
        self._probes = probes
        self._storage = storage
        self._backlog = backlog
        self._consumption = consumption
        self._stopped = threading.Event()
        self._writing = threading.Lock()
        self._began = began_of(os.getpid())
        self._turned = time.monotonic()
        self._stalls = StallDetector(slots)
        self._away: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-health")

    def start(self) -> None:
        """Begin to write, and remove what workers have left that were killed."""
        sweep(self._folder)
        self._thread.start()

    def stop(self) -> None:
        """Stop, and remove the file."""
        self._stopped.set()
        self._thread.join(2 * BEAT_SECONDS)
        with self._writing:
            remove(self._folder, os.getpid())

    def turn(self) -> None:
        """Note that the event loop turns; called by it, every second."""
        self._turned = time.monotonic()

    def now(self) -> Heartbeat:
        """How it is at this moment."""
        moment = time.monotonic()
        return Heartbeat(
            pid=os.getpid(),
            at_unix=time.time(),
            began=self._began,
            loop_idle_s=moment - self._turned,
            untouched_s=self._stalls.untouched_s,
            running=self._running.count,
            longest_run_s=self._running.longest_s,
            run_limit_s=self._run_limit_s,
            away=self._silent(),
            held_back=self._consumption.held_back,
        )

    @property
    def away(self) -> dict[str, bool]:
        """Each server that this worker needs, and whether it does not answer."""
        silent = self._silent()
        return {name: name in silent for name in (*self._probes, _STORAGE)}

    def _silent(self) -> dict[str, str]:
        why = self._storage()
        return {**self._away, _STORAGE: why} if why else dict(self._away)

    def _run(self) -> None:
        beats = 0
        while True:
            if beats % _PROBE_EVERY == 0:
                self._look()
            beats += 1
            with self._writing:
                if self._stopped.is_set():  # servers may take longer to answer than `stop` waits
                    return
                try:
                    self.now().write(self._folder)
                except OSError as exc:
                    log.warning("the heartbeat can't be written: %s", exc)
            if self._stopped.wait(BEAT_SECONDS):
                return

    def _look(self) -> None:
        asked = {name: ask() for name, ask in self._probes.items()}
        self._away = {name: why for name, why in asked.items() if why}
        if "broker" in self._away:
            self._turned = time.monotonic()
            self._stalls.reset()
            return
        try:
            backlog = self._backlog()
        except Exception as exc:  # noqa: BLE001  (any client's error; the probe says the rest)
            log.debug("the backlog can't be read: %s", exc)
            return
        running, throttled = self._running, self._consumption.throttled
        self._stalls.note(
            runs=running.runs, running=running.count, backlog=backlog, throttled=throttled
        )
