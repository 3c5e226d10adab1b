"""`make sbom` lists what we ship, as others' tools read it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent


def written(output: Path) -> str:
    command = [sys.executable, str(ROOT / "scripts/sbom.py"), "--output", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    return output.read_text()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("sbom") / "new" / "sbom.cdx.json")


@pytest.fixture(scope="module")
def components(text: str) -> dict[str, dict[str, Any]]:
    return {component["bom-ref"]: component for component in json.loads(text)["components"]}


def test_it_fits_the_schema_of_cyclonedx(text: str):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_every_pin_is_there_with_all_its_hashes(components: dict[str, dict[str, Any]]):
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)
    assert pins
    for name, version in pins:
        assert f"pkg:pypi/{name.lower()}@{version}" in components
    listed = {
        each["content"]
        for ref, part in components.items()
        for each in part.get("hashes", ())
        if ref.startswith("pkg:pypi/")
    }
    assert listed == set(re.findall(r"sha256:([0-9a-f]{64})", lock))


def test_every_crate_of_the_native_reader_is_there(components: dict[str, dict[str, Any]]):
    lock = tomllib.loads((ROOT / "plugins/local_native/crates.lock").read_text())
    crates = {
        f"pkg:cargo/{crate['name']}@{crate['version']}": crate["checksum"]
        for crate in lock["package"]
        if crate["name"] != "parsekit-local-native"
    }
    listed = {
        ref: part["hashes"][0]["content"]
        for ref, part in components.items()
        if ref.startswith("pkg:cargo/")
    }
    assert listed == crates
    assert any(ref.startswith("pkg:cargo/boxcars@") for ref in listed)


def test_our_distributions_are_there_with_what_they_need(text: str):
    document = json.loads(text)
    assert document["metadata"]["component"]["name"] == "parsekit"
    own = {part["name"] for part in document["components"] if part["name"].startswith("parsekit")}
    assert len(own) == len(list(ROOT.glob("plugins/*/pyproject.toml")))
    needs = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    (host,) = (ref for ref in needs if ref.startswith("pkg:pypi/parsekit@"))
    assert any(ref.startswith("pkg:pypi/pluggy@") for ref in needs[host])


def test_what_only_tests_need_is_told_apart(components: dict[str, dict[str, Any]]):
    scopes = {part["name"]: part.get("scope") for part in components.values()}
    assert (scopes["celery"], scopes["ruff"]) == ("required", "excluded")


def test_the_same_locks_give_the_same_file(text: str, tmp_path: Path):
    assert written(tmp_path / "again.json") == text
