"""Resolve the dependencies, all of them and the few of the demo: hashes, and no addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    *("--no-emit-index-url", "--no-annotate", "--no-header", "--python-version", "3.11"),
    *("--no-emit-package", "parsekit", "--upgrade"),
)
PLUGINS = sorted(str(p) for p in Path("plugins").glob("*/pyproject.toml"))
ALL = ("--all-extras", "--group", "dev", "pyproject.toml", *PLUGINS)
DEMO = ("pyproject.toml", "plugins/local/pyproject.toml", "scripts/build.in")


def main() -> None:
    """Write both lock files; the smaller one takes its versions from the larger."""
    subprocess.run([*COMPILE, *ALL, "-o", "requirements.lock"], check=True)
    small = [*COMPILE, "-c", "requirements.lock", *DEMO, "-o", "requirements.demo.lock"]
    subprocess.run(small, check=True)


if __name__ == "__main__":
    main()
