"""What the arguments of ``parsekit submit`` name: keys in the storage, files and folders here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parsekit.batch.inputs import Input, NoMatch, Search

#: No key begins like this, so it names a file, there or not.
_PATHS_BEGIN = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class Key:
    """A replay that is in the storage."""

    replay: str


def expand(arguments: Iterable[str]) -> Iterator[Key | Input | NoMatch]:
    """Every replay that the arguments name, once, in their order: files as for ``parsekit parse``.

    What is no path of anything here is a key as it stands; so is a pattern, as the shell expands
    those that match and a key may hold any of its characters.
    """
    search, keys = Search(), set[str]()
    for argument in arguments:
        if _is_path(argument):
            yield from search.expand(argument)
        elif argument not in keys:
            keys.add(argument)
            yield Key(argument)


def _is_path(argument: str) -> bool:
    return "://" not in argument and (
        argument.startswith(_PATHS_BEGIN) or os.path.lexists(argument)
    )
