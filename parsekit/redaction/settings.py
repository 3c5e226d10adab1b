"""Values of the configuration with what is secret in them masked, for screens and logs."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from parsekit.redaction.patterns import MASK, redacted_parameters, redacted_text
from parsekit.redaction.secrets import remember, remember_urls

__all__ = ["MASK", "redacted", "remember_secrets"]

_SECRET_KEY = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)


def redacted(key: str, value: object) -> object:
    """Mask a setting: all of it under a key that speaks of a secret, else passwords of URLs.

    A key that ends in ``_file`` names a file, which is no secret. The user of a URL is shown beside
    its masked password; alone it may be a token.
    """
    if isinstance(value, dict):
        return {name: redacted(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted(key, item) for item in value]
    if not isinstance(value, str):
        return value
    if _speaks_of_secret(key):
        return MASK
    return ";".join(map(_without_password, value.split(";"))) if "://" in value else value


def _without_password(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return redacted_text(address)
    if not parts.password:
        return redacted_text(address)
    account, _, host = parts.netloc.rpartition("@")
    shown = f"{account.partition(':')[0]}:{MASK}@{host}"
    return redacted_parameters(parts._replace(netloc=shown).geturl())


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
