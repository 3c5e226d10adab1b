"""What is released: versions that move together, and wheels in which nothing is amiss."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from scripts.dist import built, faults_of

ROOT = Path(__file__).parents[1]
#: Files that say a version of ours for another reason.
HISTORY = re.compile(r"CHANGELOG|requirements|\.lock$|(^|/)(tests|bench|trials)/")


def version(root: Path, new: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "version.py"), new, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that are committed, in a folder of their own."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if Path(name).suffix in (".toml", ".lock", ".yaml", ".md", "") and (ROOT / name).is_file():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    return tmp_path


def test_all_distributions_have_one_version():
    manifests = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    assert len({tomllib.loads(each.read_text())["project"]["version"] for each in manifests}) == 1


def test_one_command_moves_every_version(tree: Path):
    old = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["version"]
    done = version(tree, "7.3.0")
    assert done.returncode == 0, done.stderr
    for manifest in (tree / "pyproject.toml", *tree.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(manifest.read_text())["project"]
        assert project["version"] == "7.3.0"
        for wanted in re.findall(r"parsekit[a-z-]*(?:\[\w+\])?(>=[^\"]*)", str(project)):
            assert wanted.startswith(">=7.3,<7.4"), manifest
    left = [
        f"{path.relative_to(tree)}: {line}"
        for path in tree.rglob("*")
        if path.is_file() and not HISTORY.search(str(path.relative_to(tree)))
        for line in path.read_text(errors="replace").splitlines()
        if re.search(rf"parsekit.*[:=\" ]{re.escape(old)}\b", line)
    ]
    assert left == []


@pytest.mark.parametrize("wrong", ["0.0.1", "next", ""])
def test_a_version_that_is_none_changes_nothing(wrong: str, tree: Path):
    before = (tree / "pyproject.toml").read_text()
    assert version(tree, wrong).returncode == 2
    assert (tree / "pyproject.toml").read_text() == before


def test_wheels_are_as_an_index_wants_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("scripts.dist.NATIVE_AT_HAND", False)
    wheels = built(tmp_path / "dist")
    assert len(wheels) == len([*ROOT.glob("plugins/*/pyproject.toml")])  # the host's, not native's
    assert [fault for wheel in wheels for fault in faults_of(wheel)] == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("parsekit_x/tests/test_x.py", "", "belongs to our own tests"),
        ("METADATA", "License-Expression: MIT\n\n[here](docs/x.md)", "an index does not have"),
        ("METADATA", "\n\nno licence", "names no licence"),
        ("METADATA", "License-Expression: MIT\n\n", "has no description"),
    ],
)
def test_what_is_amiss_in_a_wheel_is_named(name: str, text: str, fault: str, tmp_path: Path):
    head = "Metadata-Version: 2.4\nName: parsekit-x\nVersion: 1\n"
    head += "Description-Content-Type: text/markdown\n"
    good = "License-Expression: MIT\n\nFine."
    wheel = tmp_path / "parsekit_x-1-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        paper = head + (text if name == "METADATA" else good)
        archive.writestr("parsekit_x-1.dist-info/METADATA", paper)
        archive.writestr("parsekit_x/py.typed", "")
        if name != "METADATA":
            archive.writestr(name, text)
    assert any(fault in each for each in faults_of(wheel))
