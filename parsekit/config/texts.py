"""Texts that no setting can have, found before a section trips over one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parsekit.config.problems import Problem

_NAMES_A_PATH = re.compile("(path|files?)$")


def unusable_texts(tree: Mapping[str, Any]) -> list[Problem]:
    """Each text that is no path below a home that is there, or can be no file's name at all."""
    found = ((key, _fault(key, text)) for key, text in _texts("", tree))
    return [Problem(key, fault) for key, fault in found if fault]


def _fault(key: str, text: str) -> str:
    if "\0" in text:
        return "holds a NUL character; take it out"
    try:
        os.fsencode(text)
        if text.startswith("~/") or (text.startswith("~") and _NAMES_A_PATH.search(key)):
            Path(text).expanduser()
    except UnicodeEncodeError:
        return "holds half of a character (a lone surrogate); write all of it"
    except RuntimeError:  # a user without a name, or a name without a user
        if text.partition("/")[0] == "~":
            return "names a path below a home, and this user has none; write the whole path"
        return "names a path below the home of a user who is not there; write the whole path"
    return ""


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(key, each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(f"{key}.{name}".removeprefix("."), each)
