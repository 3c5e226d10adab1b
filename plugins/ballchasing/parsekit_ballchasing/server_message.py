"""The server's own words about a failure, fit for a log: short, one line, free of secrets."""

from __future__ import annotations

import json

_MAX_CHARS = 200


def server_message(content: bytes, *, secret: str) -> str:
    """The text of ``error`` in a JSON body; "" for anything else, such as a proxy's HTML page.

    >>> server_message(b'{"error": "duplicate replay", "chat": {}}', secret="s3cret")
    '"duplicate replay"'
    >>> server_message(b"<html>502 Bad Gateway</html>", secret="s3cret")
    ''
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, str):
        return ""
    text = " ".join(error.replace(secret, "<token>").split())
    printable = "".join(char for char in text if char.isprintable())
    return f'"{printable[:_MAX_CHARS]}"'
