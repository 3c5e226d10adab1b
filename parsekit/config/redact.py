"""Values of the configuration with what is secret in them masked, for screens and logs."""

from __future__ import annotations

import re

from parsekit.logs.redaction import MASK, redacted_text, remember, remember_urls

__all__ = ["MASK", "redacted", "redacted_text", "remember_secrets"]

_SECRET_KEY = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)


def redacted(key: str, value: object) -> object:
    """Mask a setting: all of it under a key that speaks of a secret, else passwords of URLs.

    A key that ends in ``_file`` names a file, which is no secret.
    """
    if isinstance(value, dict):
        return {name: redacted(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted(key, item) for item in value]
    if not isinstance(value, str):
        return value
    return MASK if _speaks_of_secret(key) else redacted_text(value)


def remember_secrets(key: str, value: object) -> None:
    """Have whatever `redacted` would mask taken out of every log and message of this process."""
    if isinstance(value, dict):
        for name, item in value.items():
            remember_secrets(name, item)
    elif isinstance(value, list):
        for item in value:
            remember_secrets(key, item)
    elif isinstance(value, str):
        remember_urls(value)
        if _speaks_of_secret(key):
            remember(value)


def _speaks_of_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None and not key.lower().endswith("_file")
