"""The logs of a worker: Celery's lines and everybody else's through parsekit's one handler."""

from __future__ import annotations

import logging
from typing import Any

from celery import signals

from parsekit.config import LogSettings
from parsekit.errors import ConfigInvalid
from parsekit.logs.setup import set_up
from parsekit.worker.service import service

_LEVELS = ("debug", "info", "warning", "error")
#: Celery's lines at both ends of a run say less than ours of its steps; what nobody expected, it
#: says at a higher level.
_OF_RUNS = ("celery.worker.strategy", "celery.app.trace")


def install_logs() -> None:
    """Set up the logs whenever Celery would, in the worker and in children that it spawns."""
    signals.setup_logging.connect(_on_setup, weak=False)


def begin_logs(level: str | None) -> str:
    """Set up the logs before Celery does; answers the level in force. Raises `ConfigInvalid`."""
    settings = service.config.section(LogSettings)
    chosen = (level or settings.level).lower()
    if chosen not in _LEVELS:
        raise ConfigInvalid(f"--log-level {level}: choose {', '.join(_LEVELS)}")
    set_up(settings.format, chosen.upper())
    return chosen


def _on_setup(loglevel: int | str | None = None, logfile: str | None = None, **_: Any) -> None:
    """Celery's own set-up does nothing once somebody listens."""
    settings = service.config.section(LogSettings)
    set_up(settings.format, loglevel or logging.WARNING, logfile)
    for name in _OF_RUNS:
        logging.getLogger(name).setLevel(logging.WARNING)
