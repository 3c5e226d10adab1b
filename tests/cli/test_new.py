"""``parsekit new``: what it writes passes its own tests unchanged, and harms nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

KINDS = ("parser", "storage", "sink", "report")
BIN = Path(sys.executable).parent


def new(folder: Path, kind: str, name: str) -> subprocess.CompletedProcess[str]:
    return ran(folder, "parsekit", "new", kind, name)


def ran(
    folder: Path, *words: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "COLUMNS": "200", **(environ or {})}
    return subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(900)  # it runs a suite of its own
@pytest.mark.parametrize("kind", KINDS)
def test_the_distribution_passes_its_own_checks_unchanged(kind: str, tmp_path: Path):
    made = new(tmp_path, kind, f"my_{kind}")
    assert (made.returncode, made.stdout) == (0, f"parsekit-my-{kind}\n"), made.stderr
    folder, site = tmp_path / made.stdout.strip(), tmp_path / "site"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    installed = {"PYTHONPATH": str(site)}
    for command in (
        [sys.executable, *install, "--target", str(site), "."],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", f"parsekit_my_{kind}", "tests"],
        [sys.executable, "-m", "pytest", "-q"],
    ):
        done = ran(folder, *command, environ=installed)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "named_with_24_characters"])
def test_it_is_in_form_whatever_the_length_of_its_name(kind: str, name: str, tmp_path: Path):
    folder = tmp_path / new(tmp_path, kind, name).stdout.strip()
    for command in (["check"], ["format", "--check"]):
        done = ran(folder, "ruff", *command, ".")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("My-Parser", "is no name for a plugin"),
        ("../up", "is no name for a plugin"),
        ("class", "is no name for a plugin"),
        ("", "is no name for a plugin"),
        ("é", "is no name for a plugin"),
        ("a" * 25, "is no name for a plugin"),
        ("local", "is taken here already"),
        ("fallback", "is taken here already"),
        ("celery", "is taken here already"),
        ("parse", "is taken here already"),
        ("storage_minio", "is taken here already"),
    ],
)
def test_a_name_that_can_not_be_used_is_refused(name: str, why: str, tmp_path: Path):
    refused = new(tmp_path, "parser", name)
    assert refused.returncode == 2
    assert why in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "parsekit-mine").mkdir()
    refused = new(tmp_path, "sink", "mine")
    assert refused.returncode == 2
    assert "parsekit-mine exists; choose another name, or remove it" in refused.stderr
    assert not list((tmp_path / "parsekit-mine").iterdir())


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path):
    refused = new(tmp_path, "pasrer", "mine")
    assert refused.returncode == 2
    assert "parser" in refused.stderr
