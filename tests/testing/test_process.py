"""Servers of the tests: what is said when one does not start, and what may be done to it then."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from devkit.servers.process import ServerFailed, ServerProcess


def server(folder: Path, code: str) -> ServerProcess:
    ready = folder / "ready"
    return ServerProcess(
        [sys.executable, "-c", code], folder=folder, ready=ready.exists, start_seconds=60
    )


def test_one_that_never_starts_shows_the_end_of_its_log(tmp_path: Path) -> None:
    process = server(tmp_path, "raise SystemExit('no port for me')")
    with pytest.raises(ServerFailed, match=r"did not start:\n(.*\n)*no port for me"):
        process.start()
    assert process.log.read_text().count("no port for me") == 2
    process.kill()


def test_one_that_fails_once_is_started_again(tmp_path: Path) -> None:
    lines = (
        "import os, sys, time",
        "tried = os.path.exists('tried')",
        "open('ready' if tried else 'tried', 'w').close()",
        "time.sleep(60) if tried else sys.exit(1)",
    )
    process = server(tmp_path, "\n".join(lines))
    process.start()
    process.stop()


def test_a_signal_to_one_that_has_ended_shows_the_end_of_its_log(tmp_path: Path) -> None:
    process = server(tmp_path, "open('ready', 'w').close(); print('good-bye')")
    process.start()
    with pytest.raises(ServerFailed, match=r"has ended:\n(.*\n)*good-bye"):
        _signal_until_ended(process)
    process.kill()


def _signal_until_ended(process: ServerProcess) -> None:
    while True:
        process.signal(signal.SIGCONT)
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["stop", "kill"])
def test_a_frozen_one_is_ended(tmp_path: Path, name: str) -> None:
    code = "import os, time; open('draft', 'w').write(str(os.getpid())); "
    process = server(tmp_path, code + "os.rename('draft', 'ready'); time.sleep(60)")
    process.start()
    process.signal(signal.SIGSTOP)
    getattr(process, name)()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "ready").read_text()), 0)
