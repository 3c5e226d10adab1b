"""Write the software bill of materials: CycloneDX JSON of our distributions and all that is locked.

What a worker needs has scope `required`; what only tests and builds need is `excluded`. The same
locks give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK, WORKER_LOCK = "requirements.lock", "requirements.worker.lock"
#: What is built into the native reader.
CRATES_LOCK = "plugins/local_native/crates.lock"

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ]+)[^\n]*\\\n((?:    --hash=.*\n)+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
#: Longer texts in a package's metadata are whole licences, not names of one.
_MAX_LICENSE_NAME = 100


def main() -> None:
    """Read the locks of this project and write the file."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    arguments.add_argument("--output", type=Path, default=Path("build/sbom.cdx.json"))
    given = arguments.parse_args()
    text = bill_of_materials(given.root)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text)
    print(f"{given.output}: {len(json.loads(text)['components'])} components")


def bill_of_materials(root: Path) -> str:
    """The document as text."""
    lock = (root / LOCK).read_text()
    needed = {name for name, _, _ in _pins((root / WORKER_LOCK).read_text())}
    locked = [_locked(*pin, required=pin[0] in needed) for pin in _pins(lock)]
    crates_lock = (root / CRATES_LOCK).read_text()
    locked += [_crate(each) for each in tomllib.loads(crates_lock)["package"] if "checksum" in each]
    manifests = [_manifest(path) for path in _manifests(root)]
    bom = Bom(components=locked, serial_number=uuid.uuid5(uuid.NAMESPACE_OID, lock + crates_lock))
    own = [_own(manifest) for manifest in manifests]
    bom.metadata.component = own[0]
    bom.components.update(own[1:])
    for component, manifest in zip(own, manifests, strict=True):
        bom.register_dependency(component, _direct(manifest, [*own, *locked]))
    return _text(bom)


def _text(bom: Bom) -> str:
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"][
        "timestamp"
    ]  # the locks say when, and the same ones give the same file
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _pins(lock: str) -> Iterator[tuple[str, str, list[str]]]:
    for name, version, hashes in _PIN.findall(lock):
        yield canonicalize_name(name), version, _HASH.findall(hashes)


def _locked(name: str, version: str, hashes: list[str], *, required: bool) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        scope=ComponentScope.REQUIRED if required else ComponentScope.EXCLUDED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
        licenses=_licenses(name),
    )


def _crate(locked: dict[str, Any]) -> Component:
    """One of the crates in the wheel; those for other systems, or that only build, among them."""
    purl = PackageURL("cargo", name=locked["name"], version=locked["version"])
    return Component(
        name=locked["name"],
        version=locked["version"],
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        scope=ComponentScope.REQUIRED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=locked["checksum"])],
    )


def _licenses(name: str) -> list[Any]:
    """As the installed package states them; none for one that this system does not install."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return []
    given = [stated[key] for key in ("License-Expression", "License") if key in stated]
    text = given[0] if given else ""
    if not text or "\n" in text or len(text) > _MAX_LICENSE_NAME:
        return []
    return [LicenseFactory().make_from_string(text)]


def _manifests(root: Path) -> list[Path]:
    return [root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))]


def _manifest(path: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(path.read_text())["project"]
    return project


def _own(project: dict[str, Any]) -> Component:
    purl = PackageURL("pypi", name=project["name"], version=project["version"])
    return Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION if project.get("scripts") else ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(project["license"])],
    )


def _direct(project: dict[str, Any], known: Iterable[Component]) -> list[Component]:
    extras = project.get("optional-dependencies", {})
    wanted = [*project.get("dependencies", [])]
    for needs in extras.values():
        wanted += needs
    names = {canonicalize_name(Requirement(need).name) for need in wanted}
    return [component for component in known if component.name in names]


if __name__ == "__main__":
    main()
