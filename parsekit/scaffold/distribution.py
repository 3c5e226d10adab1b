"""Write a distribution that adds one plugin, ready to be installed and tested."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection
from enum import StrEnum
from importlib import resources
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from parsekit.errors import BadRequest


class Kind(StrEnum):
    """What a plugin adds; a report is a command."""

    PARSER = "parser"
    STORAGE = "storage"
    SINK = "sink"
    REPORT = "report"


#: A name stands in a module's, a section's and an environment variable's name.
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_LONGEST_NAME = 24
_SUFFIX = ".template"
_SUMMARIES: dict[Kind, str] = {
    Kind.PARSER: "The parser {} for parsekit",
    Kind.STORAGE: "The storage {} for parsekit",
    Kind.SINK: "The sink {} for parsekit",
    Kind.REPORT: "The command {} for parsekit",
}


def write_distribution(kind: Kind, name: str, parent: Path, *, taken: Collection[str]) -> Path:
    """Write the folder ``parsekit-NAME`` below ``parent`` and return it.

    ``taken`` are names that mean something else already: sections, providers, commands. Raises
    `BadRequest` for a name that can't be used, for a folder that exists, and where the system
    denies it; nothing that was there is changed.
    """
    _check(name, taken)
    folder = parent / f"parsekit-{name.replace('_', '-')}"
    fill = _filler(kind, name)
    try:
        folder.mkdir()
        for part in ("every", kind):
            _write(resources.files("parsekit.scaffold") / "templates" / part, folder, fill)
    except FileExistsError:
        raise BadRequest(f"{folder} exists; choose another name, or remove it") from None
    except OSError as exc:
        raise BadRequest(
            f"{folder} can't be written: {(exc.strerror or str(exc)).lower()}"
        ) from exc
    return folder


def _check(name: str, taken: Collection[str]) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME or keyword.iskeyword(name):
        raise BadRequest(
            f"{name!r} is no name for a plugin; use a word of small letters, digits and _ that "
            f"Python does not use itself, {_LONGEST_NAME} characters at most"
        )
    if name in taken or _is_installed(f"parsekit-{name}"):
        raise BadRequest(f"{name!r} is taken here already; choose another name")


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _filler(kind: Kind, name: str) -> Callable[[str], str]:
    package, cls = f"parsekit_{name}", "".join(map(str.capitalize, name.split("_")))
    major, minor = version("parsekit").split(".")[:2]
    values = {
        "name": name,
        "package": package,
        "cls": cls,
        "distribution": f"parsekit-{name.replace('_', '-')}",
        "summary": _SUMMARIES[kind].format(name),
        "bounds": f">={major}.{minor},<{major}.{int(minor) + 1}",
        "entry_points": _entry_points(kind, name, package, cls),
    }
    return lambda text: Template(text).substitute(values)


def _entry_points(kind: Kind, name: str, package: str, cls: str) -> str:
    plugin = f"{package}.plugin:{cls}" if kind is Kind.SINK else f"{package}.plugin"
    text = f'[project.entry-points.parsekit]\n{name} = "{plugin}"\n'
    if kind is Kind.REPORT:
        text += (
            f'\n[project.entry-points."parsekit.commands"]\n{name} = "{package}.command:{name}"\n'
        )
    return text


def _write(template: Traversable, target: Path, fill: Callable[[str], str]) -> None:
    for entry in template.iterdir():
        if entry.is_dir():
            folder = target / (fill("$package") if entry.name == "package" else entry.name)
            folder.mkdir(exist_ok=True)
            _write(entry, folder, fill)
        else:
            file = target / entry.name.removesuffix(_SUFFIX)
            file.write_text(fill(entry.read_text(encoding="utf-8")), encoding="utf-8")
