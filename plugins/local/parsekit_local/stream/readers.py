"""The readers that are installed, named without loading numpy or a decoder of dictionaries."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Literal, TypeAlias

ReaderName: TypeAlias = Literal["native", "dictionary"]

#: The meaning of the native reader's columns and codes that is understood here.
LAYOUT = 3


def _imported() -> tuple[ModuleType | None, str]:
    try:
        return import_module("parsekit_local_native"), ""
    except ImportError as error:
        return None, f"parsekit-local-native can't be imported: {error}"


#: The native reader, or ``None``, and why it is not there.
native_module, _missing = _imported()


def why_not_native() -> str | None:
    """Say why the native reader can't be used, or ``None`` where it can."""
    if native_module is None:
        return _missing
    if native_module.LAYOUT != LAYOUT:
        return (
            f"parsekit-local-native has layout {native_module.LAYOUT}, not {LAYOUT}: upgrade both"
        )
    return None


def boxcars() -> str:
    """Give the version of boxcars in the native reader; one that is refused may have none."""
    return str(getattr(native_module, "BOXCARS", "of an unknown version"))


def described(reader: ReaderName) -> str:
    """Name a reader with the version of what decodes in it."""
    if reader == "native":
        return f"native reader, boxcars {boxcars()}"
    return f"dictionary reader, subtr-actor-py {version('subtr-actor-py')}"


def in_use() -> str:
    """Name the reader that is asked first."""
    return described("dictionary" if why_not_native() else "native")
