"""Takes a worker's pulse: one thread that looks, and writes the heartbeat file."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from parsekit.worker.intake import Intake
from parsekit.worker.monitoring.heartbeat import BEAT_SECONDS, Heartbeat, remove, sweep
from parsekit.worker.monitoring.probes import Probe, reason_of_silence
from parsekit.worker.monitoring.queue_stats import Backlog

log = logging.getLogger(__name__)

#: Servers are asked at every so many beats.
_PROBE_EVERY = 3
_STORAGE = "storage"


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

    ``backlog`` answers the messages that wait for it to take them, ``storage`` why the storage
    counts as away (see `parsekit.worker.monitoring.storage_watch`).
    """

    def __init__(
        self,
        *,
        folder: Path,
        running: Runs,
        slots: int,
        run_limit_s: float,
        probes: Mapping[str, Probe],
        storage: Callable[[], str],
        backlog: Callable[[], Backlog],
        intake: Intake,
    ) -> None:
        self._folder = folder
        self._running = running
        self._run_limit_s = run_limit_s
        self._probes = probes
        self._storage = storage
        self._backlog = backlog
        self._intake = intake
        self._stopped = threading.Event()
        self._turned = time.monotonic()
        self._attention = StallDetector(slots)
        self._away: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-vitals")

    def start(self) -> None:
        """Begin to write, and remove what workers have left that were killed."""
        sweep(self._folder)
        self._thread.start()

    def stop(self) -> None:
        """Stop, and remove the file."""
        self._stopped.set()
        self._thread.join(2 * BEAT_SECONDS)
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
            loop_idle_s=moment - self._turned,
            untouched_s=self._attention.untouched_s,
            running=self._running.count,
            longest_run_s=self._running.longest_s,
            run_limit_s=self._run_limit_s,
            away=self._silent(),
            held_back=self._intake.held_back,
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
            try:
                self.now().write(self._folder)
            except OSError as exc:
                log.warning("the heartbeat can't be written: %s", exc)
            if self._stopped.wait(BEAT_SECONDS):
                return

    def _look(self) -> None:
        asked = {name: reason_of_silence(ask) for name, ask in self._probes.items()}
        self._away = {name: why for name, why in asked.items() if why}
        if "broker" in self._away:
            self._turned = time.monotonic()
            self._attention.reset()
            return
        try:
            backlog = self._backlog()
        except Exception as exc:  # noqa: BLE001  (any client's error; the probe says the rest)
            log.debug("the backlog can't be read: %s", exc)
            return
        running, throttled = self._running, self._intake.throttled
        self._attention.note(
            runs=running.runs, running=running.count, backlog=backlog, throttled=throttled
        )
