from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts/check_lock.py"
LOCKS = tuple(f"requirements.{part}lock" for part in ("", "demo.", "worker.", "native.", "bench."))

Check = Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The manifests and locks of this project, to be broken."""
    paths = ("pyproject.toml", "scripts/build.in", "scripts/bench.in", *LOCKS)
    plugins = (str(path.relative_to(ROOT)) for path in ROOT.glob("plugins/*/pyproject.toml"))
    for name in (*paths, *plugins):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def check(copy: Path) -> Check:
    command = [sys.executable, str(SCRIPT), str(copy)]
    return lambda: subprocess.run(command, capture_output=True, text=True, check=False)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_locks_of_this_project_are_in_order(check: Check) -> None:
    result = check()
    assert (result.stderr, result.returncode) == ("", 0)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_pin_without_hashes_is_found(copy: Path, check: Check, lock: str) -> None:
    lines = (copy / lock).read_text().splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if "==" in line)
    pins = (n for n, line in enumerate(lines) if n > start and "--hash" not in line)
    end = next(pins, len(lines))
    (copy / lock).write_text("".join(lines[: start + 1] + lines[end:]))
    result = check()
    assert result.returncode == 1
    assert f"{lock}:{start + 1}: no hash follows this pin" in result.stderr
    assert "make lock" in result.stderr


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://pypi.example/simple",
        "--extra-index-url=http://mirror.example",
        "-i http://mirror.example",
        "--find-links wheels",
        "-e .",
        "# from https://pypi.example/simple",
        "thing @ file:///home/me/thing.whl \\",
        "thing @ https://example.org/thing.whl \\",
        "thing==1.0",
        "thing>=1.0 \\",
        "    --hash=md5:0123456789abcdef",
    ],
)
def test_anything_but_pins_and_hashes_is_found(
    copy: Path, check: Check, lock: str, line: str
) -> None:
    path = copy / lock
    path.write_text(f"{line}\n{path.read_text()}")
    result = check()
    assert result.returncode == 1
    assert f"{lock}:1: neither a pin nor a hash: {line.strip()}" in result.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_an_empty_lock_is_found(copy: Path, check: Check, lock: str) -> None:
    (copy / lock).write_text("")
    assert check().returncode == 1


def test_a_new_dependency_is_missed(copy: Path, check: Check) -> None:
    edit(copy / "pyproject.toml", "dependencies = [\n", 'dependencies = [\n  "brand-new>=1",\n')
    stderr = check().stderr
    assert "pyproject.toml: requirements.lock has no brand-new>=1" in stderr
    assert "the demo: requirements.demo.lock has no brand-new>=1" in stderr


@pytest.mark.parametrize("group", ["dev = [", "testing = ["])
def test_extras_and_groups_are_read(copy: Path, check: Check, group: str) -> None:
    edit(copy / "pyproject.toml", group, f'{group}"brand-new",')
    assert "pyproject.toml: requirements.lock has no brand-new" in check().stderr


def test_a_raised_bound_is_found(copy: Path, check: Check) -> None:
    edit(copy / "pyproject.toml", '"pluggy>=1.7,<2"', '"pluggy>=99"')
    result = check()
    assert result.returncode == 1
    assert "wanted is pluggy>=99" in result.stderr


def test_a_plugin_is_read_and_names_are_compared_as_pip_does(copy: Path, check: Check) -> None:
    manifest = copy / "plugins/local/pyproject.toml"
    edit(manifest, "subtr-actor-py>=1.5.1,<1.6", "Subtr_Actor.Py<1")
    stderr = check().stderr
    assert "plugins/local/pyproject.toml: requirements.lock has Subtr_Actor.Py 1.5" in stderr


def test_the_demo_must_have_what_the_tests_have(copy: Path, check: Check) -> None:
    edit(copy / "requirements.demo.lock", "pluggy==1.", "pluggy==1.0.")
    assert "which requirements.lock has not" in check().stderr
