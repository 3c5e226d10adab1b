"""Name what a file that is no replay looks like, so that the error helps."""

from __future__ import annotations

import codecs

#: How much of the start is enough to tell.
SNIFF_BYTES = 512

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b\x08", "gzip-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
_MARKUP = (
    ("<!doctype html", "an HTML page"),
    ("<html", "an HTML page"),
    ("<?xml", "an XML document"),
    ("{", "JSON"),
    ("[", "JSON"),
)


def looks_like(start: bytes) -> str | None:
    """Name the kind of file that begins with these bytes; None when they tell nothing."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    text = _as_text(start)
    return None if text is None else _kind_of_text(text)


def _as_text(start: bytes) -> str | None:
    try:
        # the last character may be cut in two
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return None
    whole = text and all(sign.isprintable() or sign.isspace() for sign in text)
    return text if whole else None


def _kind_of_text(text: str) -> str:
    begin = text.lstrip().lower()
    return next((kind for mark, kind in _MARKUP if begin.startswith(mark)), "text")
