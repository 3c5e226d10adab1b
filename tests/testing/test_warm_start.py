"""A warm start does what executing the command would do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from devkit import warm_start
from devkit.warm_start import COLD_VARIABLES, Starter, WarmPopen, popen, run

PROBE = """
import atexit, json, os, signal, sys, tempfile
atexit.register(print, "at exit")
print(json.dumps({
    "arguments": sys.argv, "name": __name__, "folder": os.getcwd(), "path": sys.path[:2],
    "environ": dict(os.environ), "input": sys.stdin.read(), "leads": os.getsid(0) == os.getpid(),
    "signals": [str(signal.getsignal(n)) for n in (2, 13, 15, 17)], "tmp": tempfile.gettempdir(),
    "streams": [(s.encoding, s.errors, s.line_buffering, s.write_through, s.isatty())
                for s in (sys.stdin, sys.stdout, sys.stderr)],
    "files": sorted(map(int, os.listdir("/proc/self/fd")))[:3], "mask": os.umask(0),
    "waker": signal.set_wakeup_fd(-1),
}, sort_keys=True))
print("to errors", file=sys.stderr)
"""
#: Prints after the main thread has ended.
A_THREAD = (
    "import threading, time; threading.Thread(target=lambda: (time.sleep(0.5), print('late')))"
)
STARTERS = pytest.mark.parametrize("start", [subprocess.Popen, popen], ids=["executed", "warm"])


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "folder").mkdir()
    environ = {"PYTHONPATH": str(tmp_path / "site"), "PATH": os.environ["PATH"], "OF_TEST": "1"}
    return {**environ, "LANG": "C.UTF-8"}


def written(environ: dict[str, str], code: str) -> list[str]:
    """A command that runs this code."""
    folder = Path(environ["PYTHONPATH"])
    (folder / "of_test.py").write_text(textwrap.dedent(code))
    return [sys.executable, "-m", "of_test"]


def ended(start: Starter, command: list[str], **options: Any) -> tuple[int, bytes, bytes]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(command, start_new_session=True, **{**pipes, **options}) as process:
        assert isinstance(process, WarmPopen) == (start is popen)
        stdout, stderr = process.communicate(b"given", timeout=60)
        return process.returncode, stdout, stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_module_finds_the_same_around_it(
    environ: dict[str, str], tmp_path: Path, unbuffered: str
) -> None:
    command = [*written(environ, PROBE), "--option", "ä word"]
    where = {"cwd": tmp_path / "folder", "env": {**environ, "PYTHONUNBUFFERED": unbuffered}}
    executed, warm = (
        ended(start, command, **where, stdin=subprocess.PIPE) for start in (subprocess.Popen, popen)
    )
    assert warm == executed
    assert b"at exit" in warm[1]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", 0),
        ("raise SystemExit", 0),
        ("raise SystemExit(7)", 7),
        ("raise SystemExit(257)", 1),
        ("raise SystemExit('in words')", 1),
        ("import sys; sys.stdout.write('no line'); raise ValueError('a bug')", 1),
        ("import os; print('lost'); os._exit(9)", 9),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("raise KeyboardInterrupt", -2),
        (f"{A_THREAD}.start()", 0),
        ("import os; os.close(1); print('to nobody')", 120),
    ],
)  # fmt: skip
def test_a_module_ends_alike(environ: dict[str, str], code: str, told: int) -> None:
    command = written(environ, code)
    executed, warm = (ended(start, command, env=environ) for start in (subprocess.Popen, popen))
    assert warm[:2] == executed[:2]
    assert warm[2].splitlines()[-1:] == executed[2].splitlines()[-1:]
    assert warm[0] == told


@STARTERS
def test_a_process_is_awaited_signalled_and_gone(environ: dict[str, str], start: Starter) -> None:
    process = start(written(environ, "import time; time.sleep(600)"), env=environ)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    process.terminate()
    assert process.wait(60) == -signal.SIGTERM
    assert process.poll() == -signal.SIGTERM
    assert not Path(f"/proc/{process.pid}").exists()
    process.kill()  # nothing, and nobody else's


@STARTERS
def test_a_process_keeps_its_number_until_somebody_has_looked(
    environ: dict[str, str], start: Starter
) -> None:
    options = {"env": environ, "stdout": subprocess.PIPE, "start_new_session": True}
    process = start(written(environ, "print('here')"), **options)
    assert process.stdout is not None
    with process.stdout as stdout:
        assert stdout.read() == b"here\n"
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) in (0, -signal.SIGKILL)


def test_a_command_says_the_same(environ: dict[str, str], tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), **environ}
    for line in ("--version", "parse --help", "parse nothing.replay", "nonsense"):
        command = [sys.executable, "-m", "parsekit", *line.split()]
        executed, warm = (
            ended(start, command, cwd=tmp_path, env=home) for start in (subprocess.Popen, popen)
        )
        assert warm == executed


def test_what_a_fork_can_not_do_is_executed(environ: dict[str, str]) -> None:
    command = written(environ, "import sys; print(sys.flags.dev_mode, sys.flags.utf8_mode)")
    assert run([command[0], "-X", "dev", *command[1:]], env=environ).stdout.startswith(b"True")
    assert run(command, env={**environ, "PYTHONUTF8": "1"}).stdout == b"False 1\n"
    assert run(command, env=environ, preexec_fn=os.getpid).stdout == b"False 0\n"
    (Path(environ["PYTHONPATH"]) / "sitecustomize.py").write_text("print('first')")
    assert run(command, env=environ).stdout == b"first\nFalse 0\n"


READ_AT_IMPORT = """
import os, sys
read = set()
class Overheard(type(os.environ)):
    def __getitem__(self, name):
        read.add(name)
        return super().__getitem__(name)
    def __contains__(self, name):
        read.add(name)
        return super().__contains__(name)
os.environ.__class__ = Overheard
from devkit.warm_server import preload
preload()
print(*read)
"""
#: Read too, and the same for all tests, or without a meaning for them.
WITHOUT_MEANING = {
    *(
        "ANDROID_DATA",
        "AUTOSCALE_KEEPALIVE",
        "WCWIDTH_PYTHON",
        "DISABLE_TRACEBACKS",
        "DJANGO_SETTINGS_MODULE",
        "HOME",
        "ITERM_PROFILE",
    ),
    *("MP_LOG", "MP_MAIN_FILE", "NOSETPS", "PATH", "PICKLE_PROTOCOL", "REMAP_SIGTERM", "TERM"),
    *("TIMER_DEBUG", "USE_FAST_LOCALS", "prometheus_multiproc_dir"),
}


def test_no_import_reads_a_variable_that_a_test_may_set() -> None:
    folder = Path(warm_start.__file__).parents[1]
    command = [sys.executable, "-c", READ_AT_IMPORT]
    environ = {"HOME": "/", "LANG": "C.UTF-8"}  # few, as some read all that there are
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    read = {name for name in done.stdout.split() if not name.startswith((*COLD_VARIABLES, "_"))}
    assert read <= WITHOUT_MEANING
