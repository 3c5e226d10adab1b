"""The Celery application ``parsekit.worker:app``."""

from __future__ import annotations

from typing import Any

from celery import Celery

from parsekit.config import CelerySettings
from parsekit.worker.celery_settings import celery_settings
from parsekit.worker.lifecycle import install
from parsekit.worker.process import service
from parsekit.worker.task import ParseReplay


def make_app() -> Celery:
    """Make it; the configuration is read when a setting is first needed."""
    made = Celery(
        "parsekit",
        set_as_current=True,
        events="parsekit.worker.task_events:TaskEvents",
        control="parsekit.worker.remote_control:GuardedControl",
    )
    made.add_defaults(_settings)
    made.register_task(ParseReplay())
    _forget_others(made, ParseReplay.name)
    install(made)
    return made


def _forget_others(made: Celery, kept: str) -> None:
    """Drop Celery's own tasks: they send others wherever a caller says, or never end."""
    for name in [name for name in made.tasks if name != kept]:
        made.tasks.unregister(name)


def _settings() -> dict[str, Any]:
    task_events = service.config.section(CelerySettings).task_events
    return {**celery_settings(service.addresses), "worker_send_task_events": task_events}


app = make_app()
