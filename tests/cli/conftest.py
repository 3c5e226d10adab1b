"""The command line as a user has it: a process of its own, a home of its own, a stub parser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parsekit.testing.replays import believable_match, write_replay

PLUGINS = Path(__file__).parent / "plugins"
PARSEKIT = [sys.executable, "-m", "parsekit"]


@dataclass(frozen=True)
class CommandLine:
    """Runs ``parsekit`` in ``folder``, with nothing of this machine's settings."""

    folder: Path
    home: Path

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home / "tmp"),
            "PYTHONPATH": str(PLUGINS),
            "PARSEKIT_PLUGINS": "stub",
            "PARSEKIT__PARSER": "stub",
            "PARSEKIT__STUB__LOG": str(self.home / "parses.log"),
            **more,
        }

    def run(
        self,
        *arguments: str | Path,
        environ: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[bytes]:
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            [*PARSEKIT, *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**(environ or {})),
            timeout=60,
            check=False,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **given, **options},
        )

    def start(
        self, *arguments: str | Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*PARSEKIT, *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**(environ or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def parses(self) -> list[str]:
        """What the stub wrote down: ``begin NAME`` and ``end NAME``."""
        log = self.home / "parses.log"
        return log.read_text().splitlines() if log.exists() else []

    def left_in_tmp(self) -> list[str]:
        return sorted(path.name for path in (self.home / "tmp").iterdir())


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    (home / "tmp").mkdir(parents=True)
    return CommandLine(folder=folder, home=home)


@pytest.fixture
def replays(cli: CommandLine) -> Callable[..., list[Path]]:
    """``replays("a", "sub/b")`` writes replays of different matches below the current folder."""

    def write(*names: str) -> list[Path]:
        return [_written(cli.folder / f"{name}.replay") for name in names]

    return write


def _written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(path.name.encode())
    return write_replay(path, believable_match(seed=seed, team_size=1), frames=0)


def outcomes(stdout: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> tuple[int, bytes, bytes]:
    """Send a signal and see the process to its end."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr
