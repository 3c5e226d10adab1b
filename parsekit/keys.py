"""Which object names are accepted from callers: a key is data, and never leads anywhere else."""

from __future__ import annotations

import re
import reprlib
import unicodedata

from parsekit.errors import BadRequest
from parsekit.logs.redaction import cleaned

#: Longest key of S3, in bytes of UTF-8.
MAX_KEY_BYTES = 1024

_SHOWN_CHARS = 80
_CLEANED_CHARS = 4 * MAX_KEY_BYTES
_DRIVE = re.compile(r"[A-Za-z]:")
#: A dot, slash, backslash or control character behind any number of percent encodings: some proxy
#: or store on the way would decode it, and see another path than the one that was checked.
_ENCODED = re.compile(r"%(?:25)*(?:2e|2f|5c|7f|[01][0-9a-f])", re.IGNORECASE)
#: Control characters, lone surrogates, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def checked_key(key: object) -> str:
    """Answer the key as it came, or raise `BadRequest` saying what is wrong with it.

    Accepted is a relative path with ``/`` between its parts, of printable text in Unicode form
    NFC, that names the same object however often it is percent-decoded.
    """
    if not isinstance(key, str):
        raise BadRequest(f"object key {_shown(key)} is {type(key).__name__}, want text")
    if (wrong := _fault(key)) is not None:
        raise BadRequest(f"object key {_shown(key)} {wrong}; name an object as folder/name.replay")
    return key


def _fault(key: str) -> str | None:
    if not key:
        return "is empty"
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        return f"is longer than {MAX_KEY_BYTES} bytes"
    if any(unicodedata.category(char) in _UNPRINTABLE for char in key):
        return "has control characters or broken text"
    if not unicodedata.is_normalized("NFC", key):
        return "is not in Unicode form NFC"
    if _ENCODED.search(key):
        return "has a percent-encoded dot, slash or control character"
    return _path_fault(key)


def _path_fault(key: str) -> str | None:
    if "://" in key:
        return "is a URL"
    if key.startswith("/") or _DRIVE.match(key):
        return "is absolute"
    if "\\" in key:
        return "has a backslash"
    if any(part in ("", ".", "..") for part in key.split("/")):
        return "has an empty, '.' or '..' part"
    return None


def _shown(key: object) -> str:
    """ASCII only and short, so that it can stand in a log or on a terminal; no URL's password."""
    told = cleaned(key[:_CLEANED_CHARS])[:_SHOWN_CHARS] if isinstance(key, str) else None
    text = ascii(reprlib.repr(key) if told is None else told)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."
