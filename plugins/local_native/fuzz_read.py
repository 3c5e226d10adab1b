"""Break replays at random and read them: no panic, no hang, memory bounded by the file.

    python fuzz_read.py SECONDS REPLAY...

Each round forks a process for a hundred variants of one file, and prints the slowest read and the
memory that it grew by for each byte of the file. Exits with 1 at a panic, at a read of `HANG_S`,
and at a process that died.
"""

from __future__ import annotations

import faulthandler
import os
import random
import resource
import sys
import time
from pathlib import Path

import parsekit_local_native

#: A read of this time, on whatever machine, is a hang; a real match takes 0.05.
HANG_S = 30
_ROUND = 100
_EXTREMES = (b"\x00", b"\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"\x01\x00\x00\x00")


def broken(data: bytes, chance: random.Random) -> bytes:
    """Make a variant: bits flipped, numbers made extreme, runs copied, left out or overwritten."""
    variant = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(variant))
        run = chance.randrange(1, 65)
        match chance.randrange(6):
            case 0 | 1:
                variant[place] ^= 1 << chance.randrange(8)
            case 2:
                extreme = chance.choice(_EXTREMES)
                variant[place : place + len(extreme)] = extreme
            case 3:
                variant[place : place + run] = chance.randbytes(run)
            case 4:
                other = chance.randrange(len(variant))
                variant[place : place + run] = variant[other : other + run]
            case _:
                del variant[place : place + run]
    return bytes(variant)


def fuzz(path: Path, seed: int) -> tuple[float, float]:
    """Read the variants of one file; give the slowest read, seconds, and memory per byte of it."""
    data = path.read_bytes()
    chance = random.Random(seed)  # noqa: S311  (a reproducible choice)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest_s = 0.0
    for _ in range(_ROUND):
        variant = broken(data, chance)
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        began = time.process_time()
        try:
            parsekit_local_native.read(variant)
        except parsekit_local_native.ReadFailed as error:
            if "panicked" in str(error):
                raise
        slowest_s = max(slowest_s, time.process_time() - began)
        faulthandler.cancel_dump_traceback_later()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    return slowest_s, grown_kb * 1024 / len(data)


def main(seconds: float, paths: list[Path]) -> int:
    """Go on for so long; answer an exit code."""
    end = time.monotonic() + seconds
    seed = int(time.time())
    _print(f"first seed {seed}")
    rounds = 0
    while time.monotonic() < end:
        path = paths[rounds % len(paths)]
        pid = os.fork()
        if pid == 0:
            slowest_s, growth = fuzz(path, seed + rounds)
            _print(f"{path.name} {slowest_s * 1000:.0f} ms, {growth:.0f} bytes a byte")
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            _print(f"{path} failed with seed {seed + rounds}")
            return 1
        rounds += 1
    _print(f"{rounds * _ROUND} variants, no panic, no hang")
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
