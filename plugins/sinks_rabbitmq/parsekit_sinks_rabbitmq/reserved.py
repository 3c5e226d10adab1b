"""Queues of the service itself, where a message of ours would be taken for a task."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel


def queues_of_the_service(sections: Mapping[str, BaseModel]) -> frozenset[str]:
    """Their names, by the section ``celery`` of the configuration (docs/service.md)."""
    celery = sections.get("celery")
    names = (getattr(celery, key, None) for key in ("queue", "bulk_queue"))
    known = [name for name in names if isinstance(name, str)]
    return frozenset(name + end for name in known for end in ("", "-poll"))
