"""The service: the task ``parseReplay`` on Celery. ``parsekit.worker:app`` is the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parsekit.worker.celery_app import app as app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module 'parsekit.worker' has no attribute {name!r}")
    from parsekit.worker.celery_app import app  # noqa: PLC0415  (`parsekit health` must not load Celery)

    return app
