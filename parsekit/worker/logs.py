"""The logs of a worker: Celery's lines and everybody else's through parsekit's one handler."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from celery import signals
from celery.apps import worker as celery_program
from celery.platforms import SecurityWarning

from parsekit.config import LogSettings
from parsekit.errors import ConfigInvalid
from parsekit.logs.setup import set_up
from parsekit.worker.process import service

log = logging.getLogger(__name__)

_LEVELS = ("debug", "info", "warning", "error")
#: Celery's lines at both ends of a run say less than ours of its steps; what nobody expected, it
#: says at a higher level.
_OF_RUNS = ("celery.worker.strategy", "celery.app.trace")


def install_logs() -> None:
    """Set up the logs whenever Celery would, in the worker and in children that it spawns."""
    signals.setup_logging.connect(_on_setup, weak=False)
    signals.celeryd_init.connect(_take_over_prints, weak=False)
    signals.celeryd_after_setup.connect(_warn_of_root, weak=False)


def _take_over_prints(**_: Any) -> None:
    """Make lines of the log of what Celery prints past all logging, from its signal handlers."""
    setattr(celery_program, "safe_say", lambda text, *_: log.info("%s", text))  # noqa: B010
    warnings.filterwarnings("ignore", category=SecurityWarning)  # eight lines; see below


def _warn_of_root(**_: Any) -> None:
    if os.geteuid() == 0:
        log.warning("the worker runs as root; give it a user of its own")


def begin_logs(level: str | None) -> str:
    """Set up the logs before Celery does; return the level in force. Raises `ConfigInvalid`."""
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
