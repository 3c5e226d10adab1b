"""Resolve the dependencies: all, and those of the demo, a worker, the native build.

Hashes, no addresses.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    *("--no-emit-index-url", "--no-annotate", "--no-header", "--python-version", "3.11"),
    *("--no-emit-package", "parsekit", "--no-emit-package", "parsekit-local"),
    *("--no-emit-package", "parsekit-local-native", "--upgrade"),
)
PLUGINS = sorted(str(p) for p in Path("plugins").glob("*/pyproject.toml"))
ALL = ("--all-extras", "--group", "dev", "pyproject.toml", *PLUGINS)
DEMO_PLUGINS = ("plugins/local/pyproject.toml", "plugins/report/pyproject.toml")
DEMO = ("pyproject.toml", *DEMO_PLUGINS, "scripts/build.in")
WORKER = ("--extra", "worker", "pyproject.toml", *PLUGINS)
NATIVE = ("scripts/native.in",)
#: The smaller locks, and what they are made of.
SMALL = {
    "requirements.demo.lock": DEMO,
    "requirements.worker.lock": WORKER,
    "requirements.native.lock": NATIVE,
}


def main() -> None:
    """Write the lock files; the smaller ones take their versions from the largest."""
    subprocess.run([*COMPILE, *ALL, "-o", "requirements.lock"], check=True)
    for lock, wanted in SMALL.items():
        small = [*COMPILE, "-c", "requirements.lock", *wanted, "-o", lock]
        subprocess.run(small, check=True)
    # what parsekit is measured against lives in an environment of its own, with versions of its own
    subprocess.run([*COMPILE, "scripts/bench.in", "-o", "requirements.bench.lock"], check=True)


if __name__ == "__main__":
    main()
