"""Runs many command lines of parsekit, each in a fork of one process that has imported it all.

Reads from standard input, as JSON, a list of objects with ``arguments``, ``environ``, ``folder``
and ``output``, the file that gets what the command prints; writes the list of their exit codes. One
that does not end in time is killed, and has the exit code -9.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

#: Generous: others use this machine too.
ENDS_WITHIN_S = 120.0
AT_ONCE = 2


def begin(command: dict[str, Any]) -> int:
    """Start it, and answer its process id."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    os.environ.clear()
    os.environ.update(command["environ"])
    os.chdir(command["folder"])
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = ["parsekit", *command["arguments"]]
    os._exit(_run())


def _run() -> int:
    from parsekit.cli.app import run  # noqa: PLC0415  (imported by the parent)
    from parsekit.logs.setup import flush  # noqa: PLC0415

    try:
        code = run()
    except BaseException as exc:  # noqa: BLE001  (nothing may reach the loop of the parent)
        sys.stderr.write(f"Traceback: {exc!r}")
        code = 1
    flush()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def ended(pid: int, until: float) -> int | None:
    """The exit code; None while it runs."""
    if time.monotonic() > until:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return -signal.SIGKILL
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def main() -> None:
    """Run all."""
    import parsekit.cli.commands.worker  # noqa: PLC0415
    import parsekit.worker.command  # noqa: F401, PLC0415

    commands = json.load(sys.stdin)
    codes: list[int | None] = [None] * len(commands)
    waiting, running = list(enumerate(commands)), dict[int, tuple[int, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, command = waiting.pop(0)
            running[number] = begin(command), time.monotonic() + ENDS_WITHIN_S
        for number, (pid, until) in list(running.items()):
            if (code := ended(pid, until)) is not None:
                codes[number] = code
                del running[number]
        time.sleep(0.02)
    json.dump(codes, sys.stdout)


if __name__ == "__main__":
    main()
