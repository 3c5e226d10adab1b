"""The two commands of the README, with no configuration, server or account."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from parsekit.testing import believable_match, write_replay
from parsekit.testing.command_line import PARSEKIT, CommandLine, outcomes
from parsekit.testing.deployment import WorkerProcess, poll
from parsekit.worker.addresses import embedded_folder
from parsekit.workspace import sweep


@pytest.fixture
def machine() -> Iterator[CommandLine]:
    """With a short name: the path of a socket has room for 107 characters."""
    with tempfile.TemporaryDirectory(prefix="parsekit-") as name:
        folder = Path(name)
        (folder / "home/tmp").mkdir(parents=True)
        yield CommandLine(folder=folder, home=folder / "home")


def worker(machine: CommandLine, name: str) -> WorkerProcess:
    environ = machine.environ(PARSEKIT_CONFIG=str(machine.folder / "none.json"))
    (machine.folder / "none.json").write_text("{}")
    return WorkerProcess([*PARSEKIT, "worker", "--embedded"], environ, machine.folder / name)


def servers(machine: CommandLine) -> list[str]:
    """Process ids of the Valkeys in the data folder of this machine."""
    places = ((p.name, p / "cwd") for p in Path("/proc").iterdir() if p.name.isdecimal())
    return [pid for pid, cwd in places if str(machine.home) in _target(cwd)]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_a_worker_and_a_caller_in_two_commands(machine: CommandLine) -> None:
    write_replay(machine.folder / "final.replay", believable_match(seed=1), frames=30)
    serving = worker(machine, "worker.log").ready()
    try:
        assert "parser   local (in child processes), storage folder" in serving.text()
        assert "broker   embedded Valkey" in serving.text()
        shown = machine.run("submit", "final.replay", "--follow")
        assert shown.returncode == 0, shown.stderr
        assert b"final.replay success" in shown.stdout + shown.stderr
        again = machine.run("submit", "final.replay", "--format", "jsonl")
        (outcome,) = outcomes(again.stdout)
        assert (outcome["ok"], outcome["cached"], outcome["parser"]) == (True, True, "local")
        assert outcome["data"]["blue"]["players"]
    finally:
        serving.stop()


def test_workers_that_start_at_once_share_one_server(machine: CommandLine) -> None:
    both = [worker(machine, f"worker{number}.log") for number in range(2)]
    try:
        for one in both:
            one.ready()
        assert len(servers(machine)) == 1
        poll(lambda: machine.run("health", "--ready").returncode == 0)
    finally:
        for one in both:
            one.kill()
        for server in servers(machine):
            with suppress(ProcessLookupError):
                os.kill(int(server), signal.SIGTERM)


def test_the_folder_of_a_server_is_not_swept_as_one_of_a_process_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: gone.pid)  # any user's id may be a process's, too
    folder = embedded_folder(tmp_path / ("long" * 30))
    assert folder.parent == tmp_path
    folder.mkdir()
    sweep()
    assert folder.is_dir()
