"""``parsekit-ballchasing-sim``: the sandbox from a terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing, suppress

from parsekit_ballchasing.simulator.server import Simulator
from parsekit_ballchasing.simulator.site import SiteOptions
from parsekit_ballchasing.tiers import TIERS


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    wanted = _parser().parse_args(argv)
    options = SiteOptions(
        tier=wanted.tier,
        pending_s=tuple(wanted.pending),
        failing=wanted.failing,
        day=wanted.day,
        week=wanted.week,
        retry_after=wanted.retry_after,
        seed=wanted.seed,
    )
    try:
        simulator = Simulator(options, host=wanted.host, port=wanted.port, speed=wanted.speed)
    except OSError as exc:
        sys.stderr.write(f"can't listen on {wanted.host}:{wanted.port}: {exc.strerror}\n")
        return 2
    simulator.faults.rate = wanted.faults
    sys.stdout.write(
        f"set ballchasing.url to {simulator.url} and token_file to a file with any word\n"
    )
    sys.stdout.flush()
    with suppress(KeyboardInterrupt), closing(simulator):
        simulator.serve()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parsekit-ballchasing-sim", description="A sandbox of the Ballchasing API."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--port", type=int, default=8585, help="port to listen on, 0 for any (default: %(default)s)"
    )
    add("--tier", choices=sorted(TIERS), default="regular", help="kind of account")
    pending = "least and most seconds for which a replay is pending (default: 3 20)"
    add("--pending", type=float, nargs=2, metavar=("A", "B"), default=(3.0, 20.0), help=pending)
    add("--failing", type=float, default=0.0, help="share of replays that fail to parse")
    add("--faults", type=float, default=0.0, help="share of calls that go wrong")
    add("--day", type=int, help="uploads in 24 hours, -1 for no limit (default: the tier's)")
    add("--week", type=int, help="uploads in 7 days, -1 for no limit (default: the tier's)")
    forms = ("seconds", "date", "none")
    add("--retry-after", choices=forms, default="seconds", help="what a 429 announces")
    add("--speed", type=float, default=1.0, help="how many of its seconds pass in a real one")
    add("--seed", type=int, default=0, help="of the pending times")
    return parser


if __name__ == "__main__":
    sys.exit(main())
