"""How an error looks in a stored result, for callers in any language."""

from __future__ import annotations

from typing import Any

from parsekit.errors import ParsekitError


def failure_facts(error: BaseException) -> dict[str, Any]:
    """The published code, whether another try is worth it, and the text.

    celery-node copies these onto the Error that it throws, so ``message`` is what its users see.
    """
    if not isinstance(error, ParsekitError):
        return {}
    return {"code": error.code, "retryable": error.retryable, "message": error.message}
