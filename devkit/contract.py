"""Messages held against the JSON Schemas with which callers of ``parseReplay`` read them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Contract:
    """The schemas of a folder, ``<name>.schema.json``, which may refer to each other.

    Needs `jsonschema`, which ``parsekit[testing]`` does not bring.
    """

    def __init__(self, folder: Path) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415  (see above)
        from referencing import Registry, Resource  # noqa: PLC0415

        schemas = {p.name: json.loads(p.read_text()) for p in folder.glob("*.schema.json")}
        resources = [(name, Resource.from_contents(each)) for name, each in schemas.items()]
        registry: Registry[Any] = Registry().with_resources(resources)
        self._validators = {
            name.removesuffix(".schema.json"): Draft202012Validator(each, registry=registry)
            for name, each in schemas.items()
        }

    def check(self, name: str, messages: Iterable[object]) -> None:
        """Hold each message against the schema. Raises ValueError, saying where it does not fit."""
        for message in messages:
            for fault in self._validators[name].iter_errors(message):
                where = "/".join(map(str, fault.absolute_path)) or "the whole"
                raise ValueError(f"{where}: {fault.message}")
