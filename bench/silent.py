"""A worker that a signal makes silent, and the next one talkative again, for `bench.telling`.

Silent means no number, no look at a queue, no line of the log, and nothing remembered for a line.
"""

from __future__ import annotations

import logging
import signal
from contextlib import nullcontext
from typing import Any

from parsekit import reporting, road
from parsekit.cli import main
from parsekit.logs.steps import Step
from parsekit.worker import task
from parsekit.worker.announcements import Announcer, RedisBoard
from parsekit.worker.metrics import ProcessNumbers, Told
from parsekit.worker.numbers import WorkerNumbers
from parsekit.worker.queues import Backlog, Queues, takings

#: Turns from telling to silence and back.
TURN = signal.SIGUSR2


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _no_context(*_: Any) -> nullcontext[None]:
    return nullcontext()


_TOLD, _BACKLOG = Told(), Backlog(preferred=0, bulk=0)
#: What stands for what while the worker is silent.
_SILENT: tuple[tuple[Any, str, Any], ...] = (
    (Step, "__init__", _nothing),
    (Step, "__enter__", lambda step: step),
    (Step, "__exit__", _nothing),
    (reporting, "tell_step", _nothing),
    (reporting, "working_on", _no_context),
    (road, "working_on", _no_context),
    (task, "working_on", _no_context),
    (ProcessNumbers, "count", _nothing),
    (ProcessNumbers, "note_run", _nothing),
    (ProcessNumbers, "note_wait", _nothing),
    (WorkerNumbers, "now", lambda _: _TOLD),
    (Queues, "look", lambda _: _BACKLOG),
    (Announcer, "_now", _nothing),
    (RedisBoard, "post", _nothing),
    (type(takings), "add", _nothing),
)


class Switch:
    """Between silence and what the worker is otherwise."""

    def __init__(self) -> None:
        self._telling = tuple((owner, name, getattr(owner, name)) for owner, name, _ in _SILENT)
        self._silent = False

    def turn(self, *_: object) -> None:
        """As the handler of a signal: nothing runs that could be half told."""
        self._silent = not self._silent
        for owner, name, what in _SILENT if self._silent else self._telling:
            setattr(owner, name, what)
        logging.disable(logging.INFO if self._silent else logging.NOTSET)


if __name__ == "__main__":
    signal.signal(TURN, Switch().turn)
    main()
