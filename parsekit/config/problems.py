"""What is wrong with a configuration, key by key, in words."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One key and what is wrong with its value."""

    key: str
    text: str

    def __str__(self) -> str:
        """The sentence that users read."""
        return f"{self.key}: {self.text}"


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
            text = f"is {_shown(key, item['input'])}; {text}"
        found.append(Problem(key, text))
    return found


def _shown(key: str, value: object) -> str:
    secret = any(word in key.lower() for word in ("token", "secret", "password", "url", "broker"))
    return "a value not shown" if secret else repr(value)[:80]
