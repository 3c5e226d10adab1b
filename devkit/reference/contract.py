"""What callers of the service send and read, from the JSON Schemas in ``contract``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devkit.reference.markdown import code, table
from parsekit.tables.results import RESULTS

_FOLDER = Path(__file__).parents[2] / "contract"
_INTRODUCTION = """
# Contract

What callers of `parseReplay` send and read. [The service](../service.md#from-other-programs) has
programs that do so. Readers pass over members that they do not know; none of these goes away.
"""
#: In the order of a task's life.
_NAMES = ("request", "result", "progress", "analytics")
_DEFINED = {
    "player": "A player",
    "team": "A team",
    "playerStats": "Statistics of a player",
    "teamStats": "Statistics of a team",
}
_MEANINGS = {
    column.name: f"{column.meaning}{column.unit and f', {column.unit}'}"
    for column in RESULTS.columns
}


def page() -> str:
    """The page of all messages."""
    parts = [_INTRODUCTION.strip()]
    for name in _NAMES:
        schema = json.loads((_FOLDER / f"{name}.schema.json").read_text())
        link = f"[{name}.schema.json](../../contract/{name}.schema.json)"
        parts += [f"## {name.capitalize()}", f"{schema['title']}: {link}."]
        if about := schema.get("description"):
            parts.append(about)
        parts.append(_members(schema))
        for defined, each in schema.get("$defs", {}).items():
            parts += [f"### {_DEFINED[defined]}", _members(each)]
    return "\n\n".join(parts)


def _members(schema: Mapping[str, Any]) -> str:
    return table(("member", "type", "required", "meaning"), _rows(schema, ""))


def _rows(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, about in schema.get("properties", {}).items():
        here = f"{path}{name}"
        yield code(here), _type(about), "yes" if name in required else "", _meaning(here, about)
        yield from _rows(about, f"{here}.")


def _meaning(path: str, about: Mapping[str, Any]) -> str:
    group, _, name = path.rpartition(".")
    column = name if group in ("core", "data") else f"{group}_{name}"
    return about.get("description") or _MEANINGS.get(column, "")


def _type(about: Mapping[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(map(_type, about["anyOf"]))
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2].removesuffix(".schema.json")
        title = _DEFINED.get(name, name)
        return f"[{title[0].lower()}{title[1:]}](#{title.lower().replace(' ', '-')})"
    if "const" in about or "enum" in about:
        return ", ".join(map(code, about.get("enum") or (about["const"],)))
    if "prefixItems" in about:
        return f"pair of {' and '.join(map(_type, about['prefixItems']))}"
    kind = about["type"]
    if kind == "array":
        return f"list of {_type(about['items'])}"
    text: str = about.get("format") or (kind if isinstance(kind, str) else " or ".join(kind))
    return text.replace("string", "text")
