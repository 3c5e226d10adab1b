"""Every public name with its types, from ``parsekit.__all__``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from importlib import import_module

import parsekit
from devkit.reference.markdown import fence, prose
from devkit.reference.signature import fields_of, signature_of

_INTRODUCTION = """
# Python

What `import parsekit` offers, and nothing below it: the rest may change. `parsekit.errors` has
the classes of the [error codes](errors.md), `parsekit.testing` the kits and synthetic replays
([plugins](../plugins.md#check-it)).

Units stand in the names: `_ms` milliseconds, `_s` seconds, `_bytes`, `_kb` (1024 bytes), `_unix`
seconds since 1970 UTC.
"""


def page() -> str:
    """The page of all names: functions first, then classes, then constants."""
    names = [name for name in sorted(parsekit.__all__, key=str.lower) if name != "errors"]
    objects = {name: getattr(parsekit, name) for name in names}
    functions = {name: each for name, each in objects.items() if inspect.isfunction(each)}
    classes = {name: each for name, each in objects.items() if inspect.isclass(each)}
    others = {name: each for name, each in objects.items() if name not in {**functions, **classes}}
    parts = [_INTRODUCTION.strip(), "## Functions"]
    for name, function in functions.items():
        parts += [
            f"### {name}",
            fence("python", signature_of(name, function)),
            prose(function.__doc__),
        ]
    parts.append("## Classes")
    for name, each in classes.items():
        parts += [f"### {name}", *_class(name, each)]
    parts.append("## Constants and types")
    for name in others:
        parts += [f"### {name}", *_assignment(name)]
    return "\n\n".join(parts)


def _assignment(name: str) -> Iterator[str]:
    """The line that gives the name its value, and the comment above it."""
    source = inspect.getsource(import_module(f"parsekit.{parsekit.HOME[name]}"))
    found = re.search(rf"((?:^#: .*\n)*)^({name}\b.* = .*)", source, re.MULTILINE)
    if found is None:
        raise LookupError(f"{name} is no constant of its module")
    yield fence("python", found[2])
    yield prose(found[1].replace("#: ", ""))


def _class(name: str, each: type) -> Iterator[str]:
    if issubclass(each, Enum):
        yield fence("python", "".join(f"{member} = {member.value!r}\n" for member in each))
    elif fields := "".join(f"    {field}\n" for field in fields_of(each)):
        yield fence("python", f"class {name}:\n{fields}")
    yield prose(each.__doc__)
    for member, value in vars(each).items():
        if member.startswith("_"):
            continue
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if isinstance(value, property) and value.fget is not None:
            kind = inspect.get_annotations(value.fget).get("return")
            yield fence("python", f"{name}.{member}: {kind}")
            yield prose(value.__doc__)
        elif inspect.isfunction(function) and function.__doc__:
            bound = not isinstance(value, staticmethod)
            yield fence("python", signature_of(f"{name}.{member}", function, bound=bound))
            yield prose(function.__doc__)
