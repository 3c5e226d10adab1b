"""Which object names are accepted from callers: a key is data, and never leads anywhere else."""

from __future__ import annotations

import reprlib
import unicodedata
from urllib.parse import unquote

from parsekit.errors import BadRequest
from parsekit.redaction.secrets import cleaned

#: Longest key of S3, in bytes of UTF-8.
MAX_KEY_BYTES = 1024

_SHOWN_CHARS = 80
_CLEANED_CHARS = 4 * MAX_KEY_BYTES
#: Control characters, lone surrogates, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def checked_key(key: object) -> str:
    """Return the key as it came, or raise `BadRequest` saying what is wrong with it.

    Accepted is a relative path with ``/`` between its parts, of printable text. It names an object
    byte for byte, as in S3: percent signs, backslashes, drive letters and forms of Unicode (macOS
    names files in NFD) mean nothing.
    """
    if not isinstance(key, str):
        raise BadRequest(f"object key {_shown(key)} is {type(key).__name__}, want text")
    return _without(_key_fault(key), key)


def checked_path(key: str) -> str:
    """Return the key as `checked_key` does, for a server that may read more into it than bytes.

    Refused is also what leads out of its folder once it was percent-decoded, however often, and
    backslashes were read as slashes. Storages whose driver sends keys in URLs or as paths of
    another system's files need it.
    """
    read = checked_key(key)
    while (decoded := unquote(read)) != read:
        read = decoded
    fault = _key_fault(read.replace("\\", "/"))
    return _without(f"{fault} once it is decoded" if fault else None, key)


def _without(fault: str | None, key: str) -> str:
    if fault is not None:
        raise BadRequest(f"object key {_shown(key)} {fault}; name an object as folder/name.replay")
    return key


def _key_fault(key: str) -> str | None:
    if not key:
        return "is empty"
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        return f"is longer than {MAX_KEY_BYTES} bytes"
    # the first two are quick, and true of nearly every key
    if not (key.isascii() and key.isprintable()) and any(
        unicodedata.category(char) in _UNPRINTABLE for char in key
    ):
        return "has control characters or broken text"
    return _place_fault(key)


def _place_fault(key: str) -> str | None:
    if "://" in key:
        return "is a URL"
    if key.startswith("/"):
        return "is absolute"
    if any(part in ("", ".", "..") for part in key.split("/")):
        return "has an empty, '.' or '..' part"
    return None


def _shown(key: object) -> str:
    """ASCII only and short, so that it can stand in a log or on a terminal; no URL's password."""
    printable_key = cleaned(key[:_CLEANED_CHARS])[:_SHOWN_CHARS] if isinstance(key, str) else None
    text = ascii(reprlib.repr(key) if printable_key is None else printable_key)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."
