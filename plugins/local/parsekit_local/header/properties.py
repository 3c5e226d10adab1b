"""The tree of named values that a replay's header consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from parsekit_local.header.cursor import Cursor

#: How deep structures may nest. Real files need four levels (``PlayerID.NpId.Handle.Data``).
MAX_DEPTH = 16
#: How many items one list, and how many values one header, may have. The fullest real header
#: seen (8 players, 40 highlights) has under 500 values.
MAX_ITEMS = 25_000
MAX_VALUES = 100_000

#: Two spellings of the end of a structure; the second is how a 2015 console wrote it.
_END = frozenset({"None", "\0\0\0None"})
#: Kinds of 2015 files whose name is the value.
_NAMED_BY_KIND = frozenset({"OnlinePlatform_Steam", "OnlinePlatform_PS4"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration: ``Choice("OnlinePlatform", "OnlinePlatform_Epic")``.

    ``value`` is None where the file stores none (``OnlinePlatform_Steam`` of 2015).
    """

    kind: str
    value: str | int | None


@dataclass(frozen=True, slots=True)
class Structure:
    """A named group of values."""

    name: str
    fields: Properties


Value: TypeAlias = "int | float | bool | str | Choice | Structure | list[Properties]"
Properties: TypeAlias = dict[str, Value]


def read_properties(cursor: Cursor, *, bool_bytes: int = 1) -> Properties:
    """Read one tree of values up to its end.

    Work and memory are bounded by the bytes at hand, `MAX_DEPTH` and `MAX_VALUES`, whatever the
    file announces. ``bool_bytes`` is the width of a flag. Raises `InvalidReplay`.
    """
    return _PropertyReader(cursor, bool_bytes).properties(0)


class _PropertyReader:
    def __init__(self, cursor: Cursor, bool_bytes: int) -> None:
        self._cursor = cursor
        self._bool_bytes = bool_bytes
        self._values = 0
        self._scalars: dict[str, Callable[[], Value]] = {
            "IntProperty": cursor.int32,
            "StrProperty": cursor.text,
            "NameProperty": cursor.text,
            "FloatProperty": cursor.float32,
            "QWordProperty": cursor.uint64,
            "BoolProperty": self._flag,
            "ByteProperty": self._choice,
        }

    def properties(self, depth: int) -> Properties:
        if depth > MAX_DEPTH:
            raise self._cursor.fault(f"values nested deeper than {MAX_DEPTH} levels")
        found: Properties = {}
        while (name := self._name()) not in _END:
            found[name] = self._value(depth)
        return found

    def _name(self) -> str:
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._cursor.fault(f"more than {MAX_VALUES} values")
        name = self._cursor.text()
        if not name:
            raise self._cursor.fault("a value without a name")
        return name

    def _value(self, depth: int) -> Value:
        kind = self._cursor.text()
        self._cursor.take(8)  # size and array index, which real files leave wrong at times
        if kind in self._scalars:
            return self._scalars[kind]()
        if kind == "StructProperty":
            return Structure(self._cursor.text(), self.properties(depth + 1))
        if kind == "ArrayProperty":
            return self._items(depth)
        raise self._cursor.fault(f"an unknown kind of value, {kind[:40]!r}")

    def _flag(self) -> bool:
        return self._cursor.take(self._bool_bytes)[0] != 0

    def _choice(self) -> Choice:
        kind = self._cursor.text()
        if kind in _NAMED_BY_KIND:
            return Choice(kind, None)
        if kind == "None":
            return Choice(kind, self._cursor.take(1)[0])
        return Choice(kind, self._cursor.text())

    def _items(self, depth: int) -> list[Properties]:
        count = self._cursor.int32()
        if not 0 <= count <= MAX_ITEMS:
            raise self._cursor.fault(f"a list of {count} items, more than {MAX_ITEMS}")
        return [self.properties(depth + 1) for _ in range(count)]
