"""Every setting, from the models of the host and of our plugins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from devkit.reference.markdown import code, fence, sentence
from parsekit.config.config import HOST_SECTIONS
from parsekit.config.load import ENV_PREFIX
from parsekit.config.settings import HostSettings
from parsekit.host.host import Host

_INTRODUCTION = """
# Settings

The configuration is one JSON file. `parsekit config show` lists the values in force and where
each came from, `parsekit config check` finds mistakes, `parsekit config schema` prints what
stands here as JSON Schema, and [the command line](../cli.md#which-configuration) says which file
is read.

A variable of the environment wins over the file; its case does not matter. Numbers, `true`,
`false`, `null` and lists are written in it as in JSON, anything else is text. Keys that end in
`_file` name files; a secret stands in such a file, never in the configuration itself. Each key
may be left out. A key that is unknown is an error that names the nearest one.
"""
_LIST = re.compile(r"\[[^\[\]{}]*\]")


def page() -> str:
    """The page of all sections: the top of the file, the host's, then the plugins'."""
    parts = [_INTRODUCTION.strip(), "## Top of the file", *_section("", HostSettings)]
    for name, model in _sections().items():
        parts += [f"## {name}", _owner(name, model), *_section(name, model)]
    return "\n\n".join(parts)


def _sections() -> Mapping[str, type[BaseModel]]:
    every = Host.load().sections
    return {**HOST_SECTIONS, **{name: every[name] for name in sorted(every)}}


def _owner(name: str, model: type[BaseModel]) -> str:
    if name in HOST_SECTIONS:
        return sentence(model.__doc__ or "")
    distribution = model.__module__.partition(".")[0].replace("_", "-")
    return f"{sentence(model.__doc__ or '')} It comes with `{distribution}`."


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    examples = _examples(model)
    for example in examples:
        yield fence("json", _compact({name: example} if name else example))
    for key, about in model.model_json_schema()["properties"].items():
        variable = ENV_PREFIX + "__".join(filter(None, (name, key))).upper()
        such_as = [f"such as {_shown(each[key])}" for each in examples if key in each][:1]
        facts = [
            _type(about),
            f"default {_shown(about.get('default')) or 'none'}",
            *such_as,
            f"variable `{variable}`",
        ]
        yield f"### {'.'.join(filter(None, (name, key)))}"
        yield f"{sentence(about['description'])}."
        yield " · ".join(facts)


def _examples(model: type[BaseModel]) -> list[dict[str, Any]]:
    """As they are written: the JSON Schema has their keys in another order."""
    extra = model.model_config.get("json_schema_extra")
    found = extra.get("examples", []) if isinstance(extra, dict) else []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _compact(body: object) -> str:
    """JSON with a list on one line."""
    text = json.dumps(body, indent=2)
    return _LIST.sub(_on_one_line, text)


def _on_one_line(found: re.Match[str]) -> str:
    return " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]")


def _type(about: Mapping[str, Any]) -> str:
    kinds = [each for each in about.get("anyOf", [about]) if each.get("type") != "null"]
    return " or ".join(map(_one_type, kinds))


def _one_type(about: Mapping[str, Any]) -> str:
    if "enum" in about:
        return ", ".join(map(code, about["enum"]))
    if about.get("type") == "array":
        return f"list of {_one_type(about['items'])}"
    kind: str = about.get("format", about.get("type", "any"))
    return {"string": "text", "password": "text"}.get(kind, kind) + _bounds(about)


def _bounds(about: Mapping[str, Any]) -> str:
    words = (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("exclusiveMaximum", "below"),
    )
    return "".join(
        f" {word} {about[name]:g}" if isinstance(about[name], float) else f" {word} {about[name]}"
        for name, word in words
        if name in about
    )


def _shown(value: object) -> str:
    return "" if value is None else code(json.dumps(value))
