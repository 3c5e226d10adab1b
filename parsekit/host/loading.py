"""Import the object behind ``module:name``, the way in which plugins name their heavy parts."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def resolve(create: Any) -> Any:
    """The object itself. Raises what its module raises, AttributeError when it is not there."""
    if not isinstance(create, str):
        return create
    module, _, name = create.partition(":")
    value: Any = import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value
