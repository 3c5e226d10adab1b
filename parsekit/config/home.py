"""Settings that name a path below a home: a user without a name may have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parsekit.config.problems import Problem


def homeless(tree: Mapping[str, Any]) -> list[Problem]:
    """Paths that can't be found, as this user has no home; none for a user who has one."""
    try:
        Path.home()
    except RuntimeError:
        text = "names a path below a home, and this user has none; write the whole path"
        return [Problem(key, text) for key in _below_home("", tree)]
    return []


def _below_home(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("~/"):
            yield key
    elif isinstance(value, list):
        for each in value:
            yield from _below_home(key, each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _below_home(f"{key}.{name}".removeprefix("."), each)
