"""`parsekit submit` of 10 000 small replays to SeaweedFS and Valkey, with no worker at work.

Processor time is that of the whole command. Then the same command once more, which has nothing to
send; and a few hundred files through a proxy that counts what the store is asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.promises import promise
from devkit.servers.proxy import fault_proxy
from devkit.servers.seaweedfs import ADMIN, seaweedfs
from devkit.servers.valkey import valkey
from parsekit.testing import believable_match, synthetic_replay

FILES, COUNTED = 10_000, 300
QUEUE = "replay-parse-bulk"
MOST_MS = 3.0


@dataclass(frozen=True)
class Run:
    """What one command took."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def main() -> None:
    """Run against servers of its own."""
    with tempfile.TemporaryDirectory(prefix="parsekit-bench-") as name, ExitStack() as stack:
        root = Path(name)
        server = stack.enter_context(valkey(root / "valkey", "--appendfsync", "everysec"))
        store = stack.enter_context(seaweedfs(root / "seaweedfs"))
        proxy = stack.enter_context(fault_proxy(store.port))
        client = redis.Redis.from_url(server.url())
        environ = _environ(root, server.url())
        _write(root / "many", FILES)
        _write(root / "few", COUNTED, first=FILES)

        def submit(folder: str, port: int) -> Run:
            return _run(root, {**environ, "PARSEKIT__MINIO__HOSTNAME": f"127.0.0.1:{port}"}, folder)

        first = submit("many", store.port)
        queued = client.llen(QUEUE)
        each_ms = 1000 * first.cpu_s / FILES
        text = f"{each_ms:.2f} ms, {FILES / first.wall_s:.0f}/s, {first.peak_mib:.0f} MiB"
        promise(f"{FILES:,} files, each", text, f"<= {MOST_MS} ms of CPU", kept=each_ms <= MOST_MS)
        again = submit("many", store.port)
        sent = client.llen(QUEUE) - queued
        text = f"{sent} sent, {again.cpu_s:.2f} s of CPU"
        promise("the same command again", text, "0 sent", kept=queued == FILES and not sent)
        submit("few", proxy.port)
        asked = Counter(line.split()[0] for line in proxy.requests)
        text = f"{dict(asked)} on {proxy.connections} connections"
        # one PUT of a process finds out whether the store keeps the first of two writers
        kept = asked == {"PUT": COUNTED + 1}
        promise(f"requests for {COUNTED} files", text, "one PUT each, and one", kept=kept)


def _environ(root: Path, url: str) -> dict[str, str]:
    for name, key in (("access", ADMIN.access_key), ("secret", ADMIN.secret_key)):
        (root / name).touch(mode=0o600)
        (root / name).write_text(key)
    environ = {name: value for name, value in os.environ.items() if "PYTHONDONT" not in name}
    return environ | {
        "XDG_DATA_HOME": str(root / "data"),
        "PARSEKIT__STORAGE": "minio",
        "PARSEKIT__MINIO__ACCESS_KEY_FILE": str(root / "access"),
        "PARSEKIT__MINIO__SECRET_KEY_FILE": str(root / "secret"),
        "PARSEKIT__CELERY__BROKER": url,
    }


def _write(folder: Path, number: int, first: int = 0) -> None:
    """Replays of one match, each with an end of its own: nothing here looks into them."""
    folder.mkdir()
    body = synthetic_replay(believable_match(seed=1, team_size=1), frames=0)
    for each in range(first, first + number):
        (folder / f"{each:06d}.replay").write_bytes(body + each.to_bytes(4, "big"))


def _run(root: Path, environ: dict[str, str], folder: str) -> Run:
    options = ("submit", "--bulk", "--manifest", f"{folder}.jsonl", folder)
    command = [sys.executable, "-m", "parsekit", *options]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.DEVNULL)
    _, status, own = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(own.ru_utime + own.ru_stime, wall_s, own.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
