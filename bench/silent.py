"""A worker that reports, is silent, then both task by task, as signals say: `bench.reporting`'s.

Silent means no number, no look at a queue, no line of a step, and nothing remembered for a line.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

from parsekit.cli import main
from parsekit.logs.steps import Step
from parsekit.pipeline import finish, run
from parsekit.worker import task as worker_task
from parsekit.worker.monitoring.aggregate import WorkerNumbers
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.counters import ProcessNumbers
from parsekit.worker.monitoring.queue_stats import Backlog, Queues, dequeued
from parsekit.worker.monitoring.status_channel import Announcer, StatusChannel

#: Begins what comes next: silence, then turns; the third one has the times of both written down.
NEXT_PHASE = signal.SIGUSR2


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _no_context(*_: Any) -> nullcontext[None]:
    return nullcontext()


_NO_METRICS, _BACKLOG = MetricsSnapshot(), Backlog(preferred=0, bulk=0)
#: What stands for what while the worker is silent.
_SILENT: tuple[tuple[Any, str, Any], ...] = (
    (Step, "__init__", _nothing),
    (Step, "__enter__", lambda step: step),
    (Step, "__exit__", _nothing),
    (finish, "log_step", _nothing),
    (finish, "working_on", _no_context),
    (run, "working_on", _no_context),
    (worker_task, "working_on", _no_context),
    (ProcessNumbers, "count", _nothing),
    (ProcessNumbers, "note_run", _nothing),
    (ProcessNumbers, "note_wait", _nothing),
    (WorkerNumbers, "now", lambda _: _NO_METRICS),
    (Queues, "look", lambda _: _BACKLOG),
    (Announcer, "_now", _nothing),
    (StatusChannel, "publish", _nothing),
    (type(dequeued), "add", _nothing),
)


class Voice:
    """Whether the worker reports, and the processor time of tasks of both kinds."""

    #: Whether tasks are silent, over and over: what grows or falls steadily adds nothing.
    ORDER = (False, True, True, False)
    #: So many tasks at a time: what is done for every second one only is slower to do.
    STRETCH = 25

    def __init__(self, file: Path) -> None:
        self._silent = False
        self._takes_turns = False
        self._file = file
        self._runs = count()
        self._began_ns = self._written_ns = 0
        self._took_ns: dict[bool, list[int]] = {True: [], False: []}
        for owner, name, instead in _SILENT:
            setattr(owner, name, self._either(getattr(owner, name), instead))
        run = worker_task.ParseReplay.run

        def noted_run(task: Any, *args: Any, **kwargs: Any) -> Any:
            self._note_run()
            return run(task, *args, **kwargs)

        worker_task.ParseReplay.run = noted_run  # type: ignore[assignment,method-assign]

    def next_phase(self, *_: object) -> None:
        """As the handler of a signal, while no task is there."""
        if self._takes_turns:
            self._write()
        elif self._silent:
            self._takes_turns, self._silent, self._written_ns = True, False, _log_thread_ns()
        else:
            self._silent = True

    def _either(self, reporting: Any, silent: Any) -> Any:
        def chosen(*args: Any, **kwargs: Any) -> Any:
            return (silent if self._silent else reporting)(*args, **kwargs)

        return chosen

    def _note_run(self) -> None:
        """A task lasts until the next one begins; all threads count."""
        if not self._takes_turns:
            return
        now_ns = time.process_time_ns()
        if self._began_ns:
            self._took_ns[self._silent].append(now_ns - self._began_ns)
        self._began_ns = now_ns
        self._silent = self.ORDER[next(self._runs) // self.STRETCH % len(self.ORDER)]

    def _write(self) -> None:
        noted = {
            "reporting_ns": self._took_ns[False],
            "silent_ns": self._took_ns[True],
            "written_ns": _log_thread_ns() - self._written_ns,
        }
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(noted))
        draft.replace(self._file)


def _log_thread_ns() -> int:
    """Processor time of the thread that makes and writes lines."""
    idents = [t.ident for t in threading.enumerate() if t.name == "parsekit-log"]
    clocks = [time.pthread_getcpuclockid(ident) for ident in idents if ident is not None]
    return sum(map(time.clock_gettime_ns, clocks))


if __name__ == "__main__":
    signal.signal(NEXT_PHASE, Voice(Path(os.environ["VOICE"])).next_phase)
    main()
