"""The two commands of the README, with no configuration, server or account."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devkit.command_line import PARSEKIT, CommandLine, outcomes
from devkit.deployment import WorkerProcess, poll
from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit.storage.workspace import sweep
from parsekit.testing import believable_match, write_replay
from parsekit.worker.addresses import embedded_folder
from parsekit.worker.embedded import server as embedded
from parsekit.worker.embedded.keeper import WORKERS

pytestmark = [pytest.mark.timeout(400), pytest.mark.processes]

WORKER = [*PARSEKIT, "worker", "--embedded", "--concurrency", "1"]


@dataclass(frozen=True, kw_only=True)
class Machine(CommandLine):
    """A user's home, and the workers that were started in it."""

    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, name: str) -> WorkerProcess:
        made = WorkerProcess(
            WORKER, self.environ(), self.folder / f"{name}.log", start=subprocess.Popen
        )
        self.started.append(made.process)
        return made

    def end(self) -> None:
        for pid in processes(self):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait()


@pytest.fixture
def machine() -> Iterator[Machine]:
    """With a short name: the path of a socket has room for 107 characters.

    Who runs the tests under nohup ignores SIGHUP, and so would all that they start.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with tempfile.TemporaryDirectory(prefix="parsekit-") as name:
        folder = Path(name)
        (folder / "home/tmp").mkdir(parents=True)
        (folder / "none.json").write_text("{}")
        write_replay(folder / "final.replay", believable_match(seed=1), frames=30)
        config = {"PARSEKIT_CONFIG": str(folder / "none.json")}
        made = Machine(folder=folder, home=folder / "home", settings=config)
        yield made
        made.end()


class Terminal:
    """A worker in a terminal of its own, which can be closed."""

    def __init__(self, machine: Machine) -> None:
        self._keys, theirs = os.openpty()
        os.set_blocking(self._keys, False)
        self.process = subprocess.Popen(
            WORKER,
            env=machine.environ(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        machine.started.append(self.process)
        os.close(theirs)
        self._shown = b""
        poll(lambda: b" ready." in self._read(), seconds=180)

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):  # nothing new
            self._shown += os.read(self._keys, 65536)
        return self._shown

    def press_ctrl_c(self) -> None:
        os.write(self._keys, b"\x03")
        poll(lambda: self._read() and self.process.poll() is not None, seconds=180)
        os.close(self._keys)

    def close(self) -> None:
        os.close(self._keys)
        self.process.wait(180)


def processes(machine: Machine, word: str = "") -> list[int]:
    """Those of this machine, which have its HOME; Valkey writes over its own, but stays there."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_at_home = str(machine.home) in str((place / "cwd").readlink())
            environ = (place / "environ").read_bytes().split(b"\0")
            command = (place / "cmdline").read_bytes().decode()
            if is_at_home or f"HOME={machine.home}".encode() in environ:
                found += [int(place.name)] if word in command else []
    return found


def servers(machine: Machine) -> list[int]:
    return processes(machine, "valkey-server unixsocket")


def keepers(machine: Machine) -> list[int]:
    return processes(machine, "parsekit.worker.embedded.keeper")


def serves(machine: Machine) -> bool:
    """A task of now gets its answer."""
    done = machine.run("submit", "final.replay", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    (outcome,) = outcomes(done.stdout)
    return bool(outcome["ok"])


def nothing_is_left(machine: Machine) -> bool:
    """Also of what ends a moment after the last worker."""
    return poll(lambda: not processes(machine), seconds=180)


def test_a_worker_and_a_caller_in_two_commands(machine: Machine) -> None:
    serving = machine.worker("worker").ready(180)
    assert "parser   local (in child processes), storage folder" in serving.text()
    assert "broker   embedded Valkey" in serving.text()
    shown = machine.run("submit", "final.replay", "--follow")
    assert shown.returncode == 0, shown.stderr
    assert b"final.replay parsed/local/" in shown.stdout
    again = machine.run("submit", "final.replay", "--format", "jsonl")
    (outcome,) = outcomes(again.stdout)
    assert (outcome["ok"], outcome["cached"], outcome["parser"]) == (True, True, "local")
    assert outcome["data"]["blue"]["players"]
    serving.stop()
    assert not servers(machine), "the last one out ends it before it goes"
    assert nothing_is_left(machine)


def test_workers_that_start_at_once_share_one_server(machine: Machine) -> None:
    both = [machine.worker(f"worker{number}") for number in range(2)]
    for one in both:
        one.ready(180)
    assert len(servers(machine)) == 1
    poll(lambda: machine.run("health", "--ready").returncode == 0)
    for one in both:
        one.signal(signal.SIGTERM)
    assert nothing_is_left(machine)


ENDS = {
    "SIGTERM": lambda one: one.signal(signal.SIGTERM),
    "SIGINT": lambda one: one.signal(signal.SIGINT),
    "SIGKILL": lambda one: one.signal(signal.SIGKILL),
    "power": lambda one: one.kill(),
}


@pytest.mark.parametrize(
    ("first", "last"), [("SIGTERM", "SIGKILL"), ("SIGKILL", "SIGINT"), ("SIGINT", "power")]
)
def test_the_last_worker_ends_the_server_and_no_other(
    machine: Machine, first: str, last: str
) -> None:
    starter, other = (machine.worker(name).ready(180) for name in ("starter", "other"))
    ENDS[first](starter)
    starter.process.wait(180)
    assert serves(machine)
    assert len(servers(machine)) == 1
    ENDS[last](other)
    assert nothing_is_left(machine)


def test_a_worker_that_came_later_leaves_the_server_to_the_first(machine: Machine) -> None:
    starter, other = (machine.worker(name).ready(180) for name in ("starter", "other"))
    other.stop()
    assert serves(machine)
    starter.stop()
    assert nothing_is_left(machine)


@pytest.mark.parametrize("leave", [Terminal.close, Terminal.press_ctrl_c])
def test_a_terminal_takes_its_worker_with_it_and_not_the_server_of_another(
    machine: Machine, leave: Callable[[Terminal], None]
) -> None:
    """The server belongs to no terminal, also not to that of the worker who started it."""
    terminal = Terminal(machine)
    other = machine.worker("other").ready(180)
    leave(terminal)
    assert serves(machine)
    other.stop()
    assert nothing_is_left(machine)


def test_a_worker_whose_output_goes_elsewhere_ends_with_its_terminal_too(
    machine: Machine,
) -> None:
    """Celery takes it for a daemon then, and would start it again in the background."""
    serving = machine.worker("worker").ready(180)
    serving.signal(signal.SIGHUP)
    assert serving.process.wait(180) == 0
    assert nothing_is_left(machine)


def test_a_closed_terminal_leaves_nothing_behind(machine: Machine) -> None:
    terminal = Terminal(machine)
    assert servers(machine)
    terminal.close()
    assert nothing_is_left(machine)


@pytest.mark.parametrize("killed", [servers, keepers])
def test_a_server_that_is_killed_is_started_again(
    machine: Machine, killed: Callable[[Machine], list[int]]
) -> None:
    serving = machine.worker("worker").ready(180)
    before = servers(machine)
    for pid in killed(machine):
        os.kill(pid, signal.SIGKILL)
    poll(lambda: "runs again" in serving.text(), seconds=180)
    assert serves(machine)
    assert len(servers(machine)) == 1
    assert servers(machine) != before
    serving.stop()
    assert nothing_is_left(machine)


def test_workers_and_keeper_killed_at_once_leave_no_server(machine: Machine) -> None:
    serving = machine.worker("worker").ready(180)
    (keeper,) = keepers(machine)
    serving.signal(signal.SIGSTOP)  # so that it starts no other
    os.kill(keeper, signal.SIGKILL)
    serving.kill()
    assert nothing_is_left(machine)


def test_who_comes_while_the_last_one_leaves_is_served(machine: Machine) -> None:
    last = machine.worker("worker0").ready(180)
    for number in range(1, 3):
        new = machine.worker(f"worker{number}")
        last.signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        last = new.ready(180)
        assert serves(machine)
    last.stop()
    assert nothing_is_left(machine)


@pytest.mark.parametrize(
    ("in_its_way", "why"),
    [
        ("appendonlydir", "Can't open or create append-only dir"),
        ("valkey.log/", "can't use"),
        ("workers/", "can't use"),
    ],
)
def test_a_server_that_does_not_start_says_why(machine: Machine, in_its_way: str, why: str) -> None:
    folder = embedded_folder(machine.home / ".local/share/parsekit")
    folder.mkdir(parents=True)
    if in_its_way.endswith("/"):
        (folder / in_its_way).mkdir()
    else:
        (folder / "appendonlydir").write_text("no folder")
    done = machine.run("worker", "--embedded")
    assert done.returncode == 2, done.stderr
    (error,) = (line for line in done.stderr.decode().splitlines() if line.startswith("error"))
    assert why in error
    assert str(folder) in error


def test_a_link_in_place_of_its_folder_is_refused(machine: Machine) -> None:
    folder = embedded_folder(machine.home / ".local/share/parsekit")
    folder.parent.mkdir(parents=True)
    (machine.home / "ssh").mkdir()
    folder.symlink_to(machine.home / "ssh")
    done = machine.run("worker", "--embedded")
    assert done.returncode == 2, done.stderr
    assert not list((machine.home / "ssh").iterdir())


def test_callers_are_told_whether_there_is_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CALLER_SECONDS", 0.1)
    with pytest.raises(ConfigInvalid, match="no embedded one runs"):
        embedded.find(tmp_path)
    folder = embedded_folder(tmp_path)
    folder.mkdir()
    (folder / WORKERS).touch()
    with pytest.raises(ConfigInvalid, match="no embedded one runs"):
        embedded.find(tmp_path)  # a worker was here once
    program = "import fcntl, sys; file = open(sys.argv[1]); fcntl.lockf(file, 1); print(); input()"
    command = [sys.executable, "-u", "-c", program, str(folder / WORKERS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StorageUnavailable, match=r"a worker runs for .* does not answer"):
            embedded.find(tmp_path)
        other.communicate(b"\n")


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
