"""Values of the configuration with what is secret in them masked, for screens and logs."""

from __future__ import annotations

import re

MASK = "***"

#: The password, or a lone token, before the @ of a URL; a user name alone is no secret.
_PASSWORD = re.compile(r"(?<=://)([^/?#@:\s]*):[^/?#\s]*@|(?<=://)[^/?#@:\s]{20,}@")
_QUERY = re.compile(
    r"([?&;](?:[\w.-]*(?:password|passwd|secret|token|key|signature|credential)[\w.-]*)=)[^&;#\s]*",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)


def redacted_text(text: str) -> str:
    """Mask passwords in whatever URLs stand in a text."""
    text = _PASSWORD.sub(
        lambda url: (f"{url[1]}:" if url[1] is not None else "") + f"{MASK}@", text
    )
    return _QUERY.sub(rf"\1{MASK}", text)


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
    if _SECRET_KEY.search(key) and not key.endswith("_file"):
        return MASK
    return redacted_text(value)
