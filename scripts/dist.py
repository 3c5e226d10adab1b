"""Build all that is released into dist/, and try it as those who install it will.

Every distribution as wheel and source; then, in empty environments of each Python from 3.11 to 3.14
that is at hand, each alone and all together: listed, a replay parsed, the conformance kit passed.
Names what could not be tried. Ends with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Needs Rust.
NATIVE = "local_native"
NATIVE_AT_HAND = shutil.which("cargo") is not None
#: What belongs to our own tests, and is in no wheel.
_NOT_PUBLISHED = re.compile(r"(^|/)((tests?|devkit|trials|bench)/.*|conftest)\.py$")
#: A link in Markdown that leads nowhere from the page of an index.
_RELATIVE_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)]+)\)")
_KIT = """\
from parsekit.testing import ParserConformance


class TestLocal(ParserConformance):
    parser = "local"
"""


class Failed(Exception):
    """A step of the release did not do what it should."""


def main() -> int:
    """Build, check, install and run; answer an exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=ROOT / "dist")
    output: Path = arguments.parse_args().output.resolve()
    try:
        wheels = built(output)
        faults = [fault for wheel in wheels for fault in faults_of(wheel)]
        if faults:
            raise Failed("\n".join(faults))
        with tempfile.TemporaryDirectory(prefix="parsekit-dist-") as folder:
            for python in _pythons():
                _try(python, wheels, Path(folder) / python)
        _add_papers(output)
    except Failed as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def built(output: Path) -> list[Path]:
    """Every wheel, the host's first, in a folder made anew; sources stand beside them."""
    shutil.rmtree(output, ignore_errors=True)
    plugins = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
    for source in (ROOT, *plugins):
        if source.name == NATIVE and not NATIVE_AT_HAND:
            print("parsekit-local-native: not built, no Rust toolchain is at hand")
            continue
        build = (UV, "build", "--quiet", "--no-build-isolation", "--out-dir", output, source)
        _run(*build, CARGO_TARGET_DIR=str(ROOT / ".cache" / "native"))
    (output / ".gitignore").unlink(missing_ok=True)  # uv's
    wheels = sorted(output.glob("*.whl"), key=lambda wheel: wheel.name.split("-")[0])
    print(f"built {', '.join(wheel.name for wheel in wheels)}")
    return wheels


def faults_of(wheel: Path) -> Iterator[str]:
    """What an index, or whoever installs it, would stumble over."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        [paper] = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = archive.read(paper)
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as group:
        yield from (f"{wheel.name}: {each}" for each in group.exceptions)
        return
    markdown = (metadata.description_content_type or "").startswith("text/markdown")
    if not (markdown and metadata.description):
        yield f"{wheel.name}: has no description in Markdown"
    for link in _RELATIVE_LINK.findall(metadata.description or ""):
        yield f"{wheel.name}: its description links to {link}, which an index does not have"
    if not metadata.license_expression:
        yield f"{wheel.name}: names no licence"
    for name in names:
        if _NOT_PUBLISHED.search(name):
            yield f"{wheel.name}: holds {name}, which belongs to our own tests"
    if not any(name.endswith("/py.typed") for name in names):
        yield f"{wheel.name}: says nowhere that it is typed"
    source = wheel.with_name("-".join(wheel.name.split("-")[:2]) + ".tar.gz")
    if not source.exists():
        yield f"{wheel.name}: its source is not beside it"


def _pythons() -> Iterator[str]:
    for version in PYTHONS:
        if _found(version):
            yield version
        else:
            print(f"Python {version}: not tried, it is not at hand")


def _found(version: str) -> bool:
    command = [str(UV), "python", "find", "--no-python-downloads", "--system", version]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _try(version: str, wheels: list[Path], folder: Path) -> None:
    """Each wheel alone, then all of them, with this Python."""
    here = [wheel for wheel in wheels if _fits(wheel, version)]
    for number, wheel in enumerate(here):
        python = _environment(folder / str(number), version, [wheel])
        if python.with_name("parsekit").exists():
            _check_listing(python, wheel)
        else:  # the native reader, which stands on nothing
            _run(python, "-c", f"import {wheel.name.split('-')[0]}", cwd=folder)
    python = _environment(folder / "all", version, here, extras=True)
    listed = _check_listing(python, *here)
    _use(python, folder)
    print(f"Python {version}: each alone and all together, {listed} plugins; parsed, kit passed")


def _fits(wheel: Path, version: str) -> bool:
    """Whether a wheel of native code is for this Python: abi3 is for 3.11 and every later one."""
    return wheel.name.endswith("-none-any.whl") or "-abi3-" in wheel.name or version == "3.11"


def _environment(folder: Path, version: str, wheels: list[Path], *, extras: bool = False) -> Path:
    """An empty environment with these wheels, and what they need from the index or from here."""
    _run(UV, "venv", "--quiet", "--no-python-downloads", "--system", "--python", version, folder)
    python = folder / "bin" / "python"
    wanted = [f"{wheel}[testing]" if extras and _is_host(wheel) else str(wheel) for wheel in wheels]
    pip = (sys.executable, "-m", "pip", "--python", python)
    _run(*pip, "install", "--quiet", "--find-links", wheels[0].parent, *wanted)
    return python


def _is_host(wheel: Path) -> bool:
    return wheel.name.startswith("parsekit-")


def _check_listing(python: Path, *wheels: Path) -> int:
    """Every plugin loads; how many there are."""
    command = (python.with_name("parsekit"), "plugins", "--format", "json")
    text = _run(*command, cwd=python.parent)
    plugins = json.loads(text)
    broken = [f"{each['name']}: {each['error']}" for each in plugins if each["error"]]
    if broken:
        names = ", ".join(wheel.name for wheel in wheels)
        raise Failed(f"{names} in an empty environment: {'; '.join(broken)}")
    return len(plugins)


def _use(python: Path, folder: Path) -> None:
    """Parse an invented replay, write its page, pass the kit."""
    replay = folder / "match.replay"
    write = "import sys; from parsekit.testing import write_replay; from pathlib import Path; "
    _run(python, "-c", f"{write}write_replay(Path(sys.argv[1]))", replay, cwd=folder)
    environ = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = python.with_name("parsekit")
    lines = _run(command, "parse", "--format", "jsonl", replay, cwd=folder, **environ)
    if json.loads(lines)["ok"] is not True:
        raise Failed(f"a replay could not be parsed: {lines}")
    _run(command, "report", replay, "--output", "page.html", cwd=folder, **environ)
    (folder / "test_kit.py").write_text(_KIT)
    _run(python, "-m", "pytest", "-q", "--rootdir", folder, "test_kit.py", cwd=folder, **environ)


def _add_papers(output: Path) -> None:
    """The bill of materials, and a sum of each file."""
    _run(sys.executable, ROOT / "scripts" / "sbom.py", "--output", output / "sbom.cdx.json")
    files = sorted(path for path in output.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (output / "SHA256SUMS").write_text("".join(sums))
    print(f"{output.name}/: {len(files)} files, SHA256SUMS has the sum of each")


def _run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Run it in an environment without Python's variables; answer what it printed.

    What was installed has to run outside our folder, from which Python would import our sources.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**kept, "PATH": path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
