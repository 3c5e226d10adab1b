"""Arrows point one way: drivers use the host, plugins use its public names, nobody the reverse."""

from __future__ import annotations

import ast
import graphlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import parsekit

ROOT = Path(__file__).parents[1]
HOST = sorted((ROOT / "parsekit").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").glob("*/parsekit_*/**/*.py"))
#: Lines of a module, at most.
MOST_LINES = 450
#: Modules of a folder, at most.
MOST_MODULES = 20
#: Modules of ``parsekit`` itself, what a plugin author reads, at most.
MOST_FLAT = 12
#: What only drivers may import.
DRIVERS_ONLY = {"celery", "typer", "click", "billiard"}
DRIVERS = ("cli", "client", "worker", "__main__.py")
#: The packages of the host, from the top down; those of one layer know nothing of each other.
LAYERS = (
    ("cli",),
    ("client",),
    ("worker", "testing", "watch"),
    ("batch", "diagnostics", "pipeline"),
    ("shadow",),
    ("formats", "parsers", "records"),
    ("groups", "tables"),
    ("storage",),
    ("logs",),
    ("host",),
    ("config",),
    ("body", "redaction", "replay", "scaffold"),
)
#: What tests of other people's plugins may use, and a plugin itself may not.
PUBLIC = {"parsekit", "parsekit.errors", "parsekit.testing"}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions; type checking included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def importing(paths: list[Path], forbidden: Callable[[Path, str], bool]) -> list[str]:
    """Each import of these modules that is forbidden, as ``module imports module``."""
    return [
        f"{shown(path)} imports {name}"
        for path in paths
        for name in imports(path)
        if forbidden(path, name)
    ]


def test_the_host_never_imports_a_plugin():
    assert importing(HOST, lambda _, name: re.match(r"parsekit_\w+", name) is not None) == []


def test_only_drivers_import_their_frameworks_and_drivers():
    drivers = ("parsekit.cli", "parsekit.client", "parsekit.worker")
    others = [
        path
        for path in HOST
        if path.relative_to(ROOT / "parsekit").parts[0] not in DRIVERS
        and "testing" not in path.parts
    ]
    assert importing(others, lambda _, name: name.split(".")[0] in DRIVERS_ONLY) == []
    assert importing(others, lambda _, name: name.startswith(drivers)) == []


def test_a_package_imports_only_from_those_below_it():
    place = {name: height for height, layer in enumerate(reversed(LAYERS)) for name in layer}
    packages = {path.parent.name for path in (ROOT / "parsekit").glob("*/__init__.py")}
    assert place.keys() == packages, "each package has its place among the layers"

    def upward(path: Path, name: str) -> bool:
        importer, imported = path.relative_to(ROOT / "parsekit").parts[0], name.split(".")[1:2]
        if importer not in place or not imported or imported[0] not in place:
            return False
        return imported[0] != importer and place[imported[0]] >= place[importer]

    assert importing(HOST, upward) == []


def test_a_plugin_imports_only_public_names():
    def forbidden(path: Path, name: str) -> bool:
        package = name.split(".", maxsplit=1)[0]
        if package == "parsekit":
            return name not in PUBLIC
        own = path.relative_to(ROOT / "plugins").parts[1]
        return package in DRIVERS_ONLY or (package.startswith("parsekit_") and package != own)

    assert importing(PLUGINS, forbidden) == []


def test_every_public_name_is_there():
    assert all(getattr(parsekit, name) is not None for name in parsekit.__all__)


def test_every_public_name_has_its_type():
    tree = ast.parse((ROOT / "parsekit/__init__.py").read_text())
    typed = {name.asname for node in ast.walk(tree) for name in getattr(node, "names", ())}
    assert {*parsekit.__all__} - typed == {"errors"}, "names that a type checker takes for Any"


def test_every_hook_is_documented():
    from parsekit import hookspecs  # noqa: PLC0415

    assert all(
        hook.__doc__ for name, hook in vars(hookspecs).items() if name.startswith("parsekit_")
    )


def test_no_module_is_named_for_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [shown(p) for p in (*HOST, *PLUGINS) if p.stem in vague or p.parent.name in vague]


def test_no_module_is_longer_than_a_reader_can_hold():
    long = {shown(path): len(path.read_text().splitlines()) for path in (*HOST, *PLUGINS)}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


def test_no_modules_import_each_other_in_a_circle():
    """Those that are imported at the top; one inside of a function has a reason of its own."""
    graph = {dotted(path): set(top_imports(path)) for path in HOST}
    order = graphlib.TopologicalSorter(
        {name: graph[name] & graph.keys() - {name} for name in graph}
    )
    order.prepare()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def top_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_folder_holds_two_packages():
    many = Counter(shown(path.parent) for path in (*HOST, *PLUGINS))
    assert not [name for name, count in many.items() if count > MOST_MODULES]


def test_beside_its_packages_the_host_has_what_a_plugin_author_reads():
    flat = sorted(path.name for path in (ROOT / "parsekit").glob("*.py"))
    assert len(flat) <= MOST_FLAT, flat


def test_no_public_class_name_is_defined_twice():
    places: dict[str, list[str]] = {}
    for path in (*HOST, *PLUGINS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(shown(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
