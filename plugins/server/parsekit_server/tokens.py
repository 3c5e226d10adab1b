"""Tokens: made here, shown once, and kept as a digest.

A token has 240 random bits, so nobody can try them all: a SHA-256 of it
can be neither turned round nor guessed, and is found by one look into an index. A slow digest with
a salt (scrypt, argon2) protects words that people choose; here it would cost every call tens of
milliseconds, and a server that is asked with made-up tokens all of its processor.
"""

from __future__ import annotations

import hashlib
import secrets

#: How tokens of groups begin.
GROUP_PREFIX = "g/"
_RANDOM_BYTES = 30


def new_token(*, of_group: bool = False) -> str:
    """Make a token of letters, digits, - and _, which no shell or header has to quote."""
    text = secrets.token_urlsafe(_RANDOM_BYTES)
    return f"{GROUP_PREFIX}{text}" if of_group else text


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
