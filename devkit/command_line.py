"""The command line as a user has it: a process of its own, with a home and a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devkit import warm_start

#: Starts ``parsekit``, wherever it is installed.
PARSEKIT = (sys.executable, "-m", "parsekit")
#: No command of a test takes longer, even on a busy machine.
_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """Runs ``parsekit`` in ``folder``, with nothing of this machine's settings.

    ``settings`` are variables of the environment that every command gets.
    """

    folder: Path
    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def environ(self, **more: str) -> dict[str, str]:
        """The whole environment of a command."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home / "tmp"),
            **self.settings,
            **more,
        }

    def run(
        self,
        *arguments: str | Path,
        environ: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end; ``options`` are those of `subprocess.run`."""
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return warm_start.run(
            [*PARSEKIT, *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**(environ or {})),
            timeout=_TIMEOUT_S,
            **{**given, **options},
        )

    def start(
        self,
        *arguments: str | Path,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a command, to be ended by `end`."""
        return warm_start.popen(
            [*PARSEKIT, *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**(environ or {})),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def left_in_tmp(self) -> list[str]:
        """Names in the temporary folder of these commands."""
        return sorted(path.name for path in (self.home / "tmp").iterdir())


def outcomes(stdout: bytes) -> list[dict[str, Any]]:
    """Read ``--format jsonl``."""
    return [json.loads(line) for line in stdout.splitlines()]


def wait_until(true: Callable[[], bool], seconds: float = _TIMEOUT_S) -> None:
    """Poll; raise `TimeoutError` when it does not happen."""
    end_s = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end_s:
            raise TimeoutError(f"did not happen in {seconds:g} s")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> tuple[int, bytes, bytes]:
    """Send a signal and see the process to its end: exit code, output, errors."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=_TIMEOUT_S)
    return process.returncode, stdout, stderr
