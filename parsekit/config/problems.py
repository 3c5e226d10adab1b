"""What is wrong with a configuration, key by key, in words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from parsekit.redaction.settings import redacted

#: Types of pydantic's findings to what a JSON file has to hold there.
_WANTED = {
    **dict.fromkeys(("string_type", "path_type"), "a string"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type"), "an object"),
}
#: What `json` makes of a file, in a file's words.
_KINDS = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
#: A value is repeated up to here, in characters.
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One key, what is wrong with its value, and the file or variable that it came from."""

    key: str
    text: str
    origin: str = ""

    def __str__(self) -> str:
        """The sentence that users read."""
        where = f"{self.origin}: " if self.origin else ""
        return f"{where}{self.key}: {self.text}"

    def located(self, origins: Mapping[str, str]) -> Problem:
        """The same with its origin: that of its key, of a part of it, or of all keys below it."""
        names = self.key.split(".")
        above = (".".join(names[:count]) for count in range(len(names), 0, -1))
        nearest_key = next((key for key in above if key in origins), None)
        if nearest_key is not None:
            return replace(self, origin=origins[nearest_key].removeprefix("$"))
        section = f"{names[0]}."
        below = {
            where.removeprefix("$") for key, where in origins.items() if key.startswith(section)
        }
        return replace(self, origin=", ".join(sorted(below)))


def nearest(name: str, choices: Sequence[str]) -> str:
    """A hint for a misspelt name, ready to append; lists the choices when none is near."""
    folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    return f"; known: {', '.join(sorted(choices))}" if choices else ""


def problems_of(error: ValidationError, prefix: str) -> list[Problem]:
    """Translate pydantic's findings; values of keys that may hold secrets are not repeated."""
    found = []
    for item in error.errors(include_url=False):
        key = (prefix + ".".join(str(part) for part in item["loc"])).rstrip(".")
        message = item["msg"].removeprefix("Value error, ")
        text = message[0].lower() + message[1:]
        if item["type"] not in ("missing", "value_error"):
            text = f"is {_shown(key, item['input'])}, want {_wanted(item['type'], text)}"
        found.append(Problem(key, text))
    return found


def _wanted(kind: str, message: str) -> str:
    return _WANTED.get(kind) or message.removeprefix("input should be ")


def kind_of(value: object) -> str:
    """What JSON calls such a value; the value itself may be a secret in the wrong place."""
    return _KINDS[type(value)]


def _shown(key: str, value: object) -> str:
    words = ("token", "secret", "password", "url", "broker", "backend")
    if any(word in key.lower() for word in words):
        return "a value not shown"
    return json.dumps(redacted(key, value), ensure_ascii=False, default=str)[:_MAX_SHOWN]
