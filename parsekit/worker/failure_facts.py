"""How an error looks in a stored result, for callers in any language."""

from __future__ import annotations

from typing import Any

from parsekit.errors import ParsekitError
from parsekit.logs.redaction import cleaned


def failure_facts(error: BaseException) -> dict[str, Any]:
    """The published code, whether another try is worth it, and the text.

    celery-node copies these onto the Error that it throws, so ``message`` is what its users see.
    """
    if not isinstance(error, ParsekitError):
        return {}
    message = cleaned(error.message)
    return {"code": error.code, "retryable": error.retryable, "message": message}


def without_secrets(told: Any) -> Any:
    """What Celery tells of an error, or of where it happened, as callers may read it."""
    if isinstance(told, str):
        return cleaned(told)
    if isinstance(told, dict):
        return {name: without_secrets(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [without_secrets(value) for value in told]
    return told
