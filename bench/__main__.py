"""``make bench``: every benchmark, or those named: ``make bench ONLY="replays storage"``.

Each prints ratios between things that run side by side in the same run, medians of several rounds;
absolute times say more about the machine than about parsekit. All are run; those promises that were
not kept are named at the end, and make the exit code 1.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

from bench.promises import missed

BENCHMARKS = (
    "replays",
    "batch",
    "local",
    "sandbox",
    "storage",
    "sinks",
    "worker",
    "deployment",
    "reporting",
    "report",
    "records",
    "submit",
    "ballchasing",
    "serve",
)


def main(names: list[str]) -> int:
    """Run them one after the other; a name that does not exist is an error."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
        return 2
    for name in names or BENCHMARKS:
        began = time.monotonic()
        print(f"\n== {name}: {(import_module(f'bench.{name}').__doc__ or '').splitlines()[0]}")
        import_module(f"bench.{name}").main()
        print(f"   ({time.monotonic() - began:.0f} s)")
    for broken in missed():
        print(f"missed: {broken}")
    return 1 if missed() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
