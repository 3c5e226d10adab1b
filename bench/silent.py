"""A worker that counts nothing and logs nothing: what `bench.metrics` compares with."""

from __future__ import annotations

import logging
from typing import Any

from parsekit.cli import main
from parsekit.logs import steps
from parsekit.worker.announcements import Announcer
from parsekit.worker.metrics import ProcessNumbers, Told
from parsekit.worker.numbers import WorkerNumbers
from parsekit.worker.queues import Queues, takings


def silence() -> None:
    """Leave out every line, number and look at queues."""

    def nothing(*_: Any, **__: Any) -> None:
        return None

    logging.disable(logging.INFO)
    steps.tell_step = nothing
    told = Told()
    for owner, name, instead in (
        (ProcessNumbers, "count", nothing),
        (ProcessNumbers, "note_run", nothing),
        (ProcessNumbers, "note_wait", nothing),
        (WorkerNumbers, "now", lambda _: told),
        (Queues, "look", lambda _: 0),
        (Announcer, "start", nothing),
        (takings, "add", nothing),
    ):
        setattr(owner, name, instead)


if __name__ == "__main__":
    silence()
    main()
