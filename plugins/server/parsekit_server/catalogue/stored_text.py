"""Texts of strangers as every database takes them: no NUL, no half of a character."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Whether a database takes this text. JSON may bring halves of characters, such as U+D800."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def made_storable(text: str) -> str:
    """The text with replacement characters for what no database takes."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
