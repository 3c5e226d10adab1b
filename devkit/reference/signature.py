"""Functions and classes as they are written in the code: with types, without bodies."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

_WIDTH = 100


class _Plain:
    """Shown as it is: `inspect` puts types that are written as texts in quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def signature_of(name: str, function: Callable[..., Any], *, bound: bool = False) -> str:
    """``name(parameters) -> type``, a line a parameter where it is long; without ``self``."""
    signature = inspect.signature(function)
    parameters = [_plain(each) for each in signature.parameters.values()][1 if bound else 0 :]
    answer = str(signature.replace(parameters=[], return_annotation=_type(signature)))[2:]
    short = f"{name}{signature.replace(parameters=parameters, return_annotation=_EMPTY)}{answer}"
    if len(short) <= _WIDTH:
        return short
    return f"{name}(\n" + "".join(f"    {line},\n" for line in _lines(parameters)) + f"){answer}"


def fields_of(each: type) -> Iterator[str]:
    """Public fields of a dataclass with type and default; of another class what it annotates."""
    if not dataclasses.is_dataclass(each):
        for name, kind in inspect.get_annotations(each).items():
            if not name.startswith("_"):
                yield f"{name}: {kind}"
        return
    for field in dataclasses.fields(each):
        if not field.name.startswith("_"):
            yield f"{field.name}: {field.type}{_default_of(field)}"


_EMPTY = inspect.Signature.empty


def _type(signature: inspect.Signature) -> object:
    kind = signature.return_annotation
    return _Plain(kind) if isinstance(kind, str) else kind


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    kind, default = parameter.annotation, parameter.default
    if isinstance(kind, str):
        parameter = parameter.replace(annotation=_Plain(kind.replace('"', "")))
    if isinstance(default, Enum):
        parameter = parameter.replace(default=_Plain(str(default)))
    return parameter


def _lines(parameters: list[inspect.Parameter]) -> Iterator[str]:
    named = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not named:
            yield "*"
            named = True
        yield str(parameter)


def _default_of(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return " = ..." if callable(field.default) else f" = {field.default!r}"
    if field.default_factory is not dataclasses.MISSING:
        return f" = {getattr(field.default_factory, '__name__', '...').strip('<>')}()"
    return ""
