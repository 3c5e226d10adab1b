"""Fail when a lock file has lost its hashes, names an address, or no longer fits the manifests."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

LOCK, DEMO_LOCK = "requirements.lock", "requirements.demo.lock"
#: What a worker installs: the image of ``deploy/`` and `docs/deployment.md`.
WORKER_LOCK = "requirements.worker.lock"
WORKER_EXTRA = "worker"
#: What builds the native reader in the image.
NATIVE_LOCK, NATIVE_MANIFEST = "requirements.native.lock", "plugins/local_native/pyproject.toml"
#: What ``make bench`` measures parsekit against, in an environment of its own.
BENCH_LOCK = "requirements.bench.lock"
#: What the demo installs, besides the build tools of ``scripts/build.in``.
DEMO_MANIFESTS = (
    "pyproject.toml",
    "plugins/local/pyproject.toml",
    "plugins/report/pyproject.toml",
)

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!_-]+)( ; [^\\]+)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

#: Versions by canonical name; a name may be pinned once for each of several environments.
Pins = Mapping[str, set[Version]]


def main(root: Path) -> int:
    """Print every problem of the locks under this folder; answer an exit code."""
    problems = list(_problems(root))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("run `make lock`, look at what it changed, and commit that", file=sys.stderr)
    return 1 if problems else 0


def _problems(root: Path) -> Iterator[str]:
    for lock in (LOCK, DEMO_LOCK, WORKER_LOCK, NATIVE_LOCK, BENCH_LOCK):
        yield from _misshapen(lock, (root / lock).read_text().splitlines())
    pins, demo_pins = _pins(root / LOCK), _pins(root / DEMO_LOCK)
    worker_pins, native_pins = _pins(root / WORKER_LOCK), _pins(root / NATIVE_LOCK)
    manifests = {path: _read(path) for path in _manifests(root)}
    ours = {canonicalize_name(manifest["project"]["name"]) for manifest in manifests.values()}
    for path, manifest in manifests.items():
        wanted = _not_ours(_everything(manifest), ours)
        yield from _unmet(wanted, pins, f"{path.relative_to(root)}: {LOCK}")
    yield from _unmet(_demo(root, ours), demo_pins, f"the demo: {DEMO_LOCK}")
    yield from _unmet(_worker(manifests.values(), ours), worker_pins, f"a worker: {WORKER_LOCK}")
    native = _not_ours(_needed(_read(root / NATIVE_MANIFEST)), ours)
    yield from _unmet(native, native_pins, f"the native reader: {NATIVE_LOCK}")
    yield from _unmet(_bench(root), _pins(root / BENCH_LOCK), f"make bench: {BENCH_LOCK}")
    yield from _strays(DEMO_LOCK, demo_pins, pins)
    yield from _strays(WORKER_LOCK, worker_pins, pins)
    yield from _strays(NATIVE_LOCK, native_pins, pins)


def _misshapen(lock: str, lines: list[str]) -> Iterator[str]:
    """Every line is a pin or a hash, and every pin has hashes: no address, no option fits in."""
    hashed = True
    for number, line in enumerate(lines, start=1):
        if _HASH.fullmatch(line):
            hashed = True
            continue
        if not hashed:
            yield f"{lock}:{number - 1}: no hash follows this pin"
        hashed = not _PIN.fullmatch(line)
        if hashed:
            yield f"{lock}:{number}: neither a pin nor a hash: {line.strip()}"
    if not hashed:
        yield f"{lock}:{len(lines)}: no hash follows this pin"
    if not lines:
        yield f"{lock}: is empty"


def _pins(lock: Path) -> Pins:
    pins: dict[str, set[Version]] = {}
    for found in map(_PIN.fullmatch, lock.read_text().splitlines()):
        if found:
            versions = pins.setdefault(canonicalize_name(found["name"]), set())
            versions.add(Version(found["version"]))
    return pins


def _manifests(root: Path) -> list[Path]:
    return [root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))]


def _read(manifest: Path) -> dict[str, Any]:
    return tomllib.loads(manifest.read_text())


def _needed(manifest: Mapping[str, Any]) -> list[str]:
    """What the distribution needs to be built and to run."""
    return [*manifest["build-system"]["requires"], *manifest["project"].get("dependencies", [])]


def _everything(manifest: Mapping[str, Any]) -> list[str]:
    extras = manifest["project"].get("optional-dependencies", {})
    groups = manifest.get("dependency-groups", {})
    return [*_needed(manifest), *_flat(extras), *_flat(groups)]


def _flat(groups: Mapping[str, list[str]]) -> Iterator[str]:
    for group in groups.values():
        yield from group


def _demo(root: Path, ours: Collection[str]) -> list[Requirement]:
    needed = [need for path in DEMO_MANIFESTS for need in _needed(_read(root / path))]
    return _not_ours([*needed, *(root / "scripts/build.in").read_text().splitlines()], ours)


def _worker(manifests: Iterable[Mapping[str, Any]], ours: Collection[str]) -> list[Requirement]:
    """What all our distributions need to run, with the host's extra for workers."""
    projects = [manifest["project"] for manifest in manifests]
    lists = [project.get("dependencies", []) for project in projects]
    lists += [
        project.get("optional-dependencies", {}).get(WORKER_EXTRA, []) for project in projects
    ]
    return _not_ours([need for needs in lists for need in needs], ours)


def _bench(root: Path) -> list[Requirement]:
    return _not_ours((root / "scripts/bench.in").read_text().splitlines(), ())


def _not_ours(needed: Iterable[str], ours: Collection[str]) -> list[Requirement]:
    requirements = map(Requirement, needed)
    return [need for need in requirements if canonicalize_name(need.name) not in ours]


def _unmet(wanted: Iterable[Requirement], pins: Pins, where: str) -> Iterator[str]:
    for need in wanted:
        versions = pins.get(canonicalize_name(need.name), set())
        if not versions:
            yield f"{where} has no {need}"
        for version in sorted(versions):
            if not need.specifier.contains(version, prereleases=True):
                yield f"{where} has {need.name} {version}, wanted is {need}"


def _strays(lock: str, own_pins: Pins, pins: Pins) -> Iterator[str]:
    """Demo and workers install what the tests have tested."""
    for name, versions in own_pins.items():
        for version in sorted(versions - pins.get(name, set())):
            yield f"{lock} has {name} {version}, which {LOCK} has not"


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:]) if sys.argv[1:] else Path(__file__).parent.parent))
