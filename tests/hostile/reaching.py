"""A parser that has been taken over: it reaches for what is not its business."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

from crashing import conversation, known_id

from parsekit import Job, Parsed, ProviderContext, Replay

LIBC = ctypes.CDLL(None, use_errno=True)


class Reaching:
    """The replay's file holds what to reach for, and where."""

    def __init__(self, context: ProviderContext) -> None:
        del context

    def parse(self, replay: Replay, job: Job) -> Parsed:
        del job
        how, _, target = replay.path.read_text().partition(" ")
        try:
            return Parsed(data={"reached": getattr(self, how)(target)})
        except (OSError, ValueError) as exc:
            return Parsed(data={"refused": type(exc).__name__})

    def nothing(self, _: str) -> str:
        return "alive"

    def connect(self, target: str) -> str:
        host, port = target.split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        return "connected"

    def unix_connect(self, target: str) -> str:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(target)
        return "connected"

    def datagram(self, target: str) -> str:
        one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.sendto(b"x", target)
        return "sent"

    def fork(self, _: str) -> str:
        if os.fork() == 0:
            os._exit(0)
        return "forked"

    def run(self, _: str) -> str:
        return subprocess.run(["true"], check=True).args[0]

    def execute(self, _: str) -> str:
        os.execv(sys.executable, [sys.executable, "--version"])  # noqa: S606
        return "executed"

    def write(self, target: str) -> str:
        Path(target).write_text("overwritten")
        return "written"

    def append(self, target: str) -> str:
        with Path(target).open("a") as file:
            file.write("more")
        return "written"

    def truncate(self, target: str) -> str:
        os.truncate(target, 0)
        return "truncated"

    def delete(self, target: str) -> str:
        Path(target).unlink()
        return "deleted"

    def open_up(self, target: str) -> str:
        Path(target).chmod(0o777)
        return "mode changed"

    def read(self, target: str) -> str:
        return Path(target).read_text()

    def look_around(self, target: str) -> str:
        return " ".join(path.name for path in Path(target).iterdir())

    def kill_parent(self, _: str) -> str:
        os.kill(os.getppid(), signal.SIGKILL)
        return "killed"

    def kill_group(self, _: str) -> str:
        os.kill(0, 0)
        return "killed"

    def starve_parent(self, _: str) -> str:
        resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))
        return "starved"

    def trace_parent(self, _: str) -> str:
        return self._call(101, 16, os.getppid(), 0, 0)

    def borrow_a_signal(self, _: str) -> str:
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())
        return "signals set up"

    def borrow_a_signal_by_ioctl(self, _: str) -> str:
        one, _other = socket.socketpair()
        fcntl.ioctl(one, 0x8901, os.getppid().to_bytes(4, sys.byteorder))
        return "signals set up"

    def borrow_a_signal_by_another_ioctl(self, _: str) -> str:
        """The kernel looks at the low half of a command alone."""
        one, _other = socket.socketpair()
        command = ctypes.c_ulong(1 << 32 | 0x8902)
        if LIBC.ioctl(one.fileno(), command, ctypes.byref(ctypes.c_int(os.getppid()))):
            raise OSError(ctypes.get_errno(), "ioctl")
        return "signals set up"

    def outlive_parent(self, _: str) -> str:
        if LIBC.prctl(1, 0, 0, 0, 0):
            raise PermissionError(ctypes.get_errno(), "prctl")
        return "stays"

    def io_uring(self, _: str) -> str:
        return self._call(425, 1, ctypes.create_string_buffer(120))

    def hidden_memory(self, _: str) -> str:
        return str(os.memfd_create("x"))

    def old_numbers(self, _: str) -> str:
        return self._call(0x40000000 + 41, socket.AF_INET, socket.SOCK_STREAM, 0)

    def more_limits(self, _: str) -> str:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1 << 20))
        return "raised"

    def thread(self, _: str) -> str:
        heard: list[str] = []
        thread = threading.Thread(target=heard.append, args=("a thread",))
        thread.start()
        thread.join()
        return heard[0]

    def own_signal(self, _: str) -> str:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGUSR1)
        return "signalled"

    def stream_pair(self, _: str) -> str:
        one, other = socket.socketpair()
        one.sendall(b"x")
        return other.recv(1).decode()

    def devnull(self, _: str) -> str:
        return str(Path(os.devnull).write_text("noise"))

    def late_import(self, _: str) -> str:
        names = ("xmlrpc.client", "yaml")
        return " ".join(import_module(name).__name__ for name in names)

    def threads_reach(self, target: str) -> str:
        heard: list[str] = []

        def reach() -> None:
            try:
                heard.append(self.read(target))
            except OSError:
                heard.append("refused")

        thread = threading.Thread(target=reach)
        thread.start()
        thread.join()
        return heard[0]

    def shout(self, _: str) -> str:
        for _number in range(40):
            sys.stderr.write("x" * (1 << 20))
        return "shouted"

    def descriptors(self, _: str) -> list[str]:
        found = []
        for number in range(256):
            with contextlib.suppress(OSError):
                found.append(str(Path(f"/proc/self/fd/{number}").readlink()).partition(":")[0])
        return found

    def file_mode(self, _: str) -> int:
        mask = os.umask(0)
        os.umask(mask)
        return mask

    def lie(self, answer: str) -> str:
        """Answer the host oneself, before the child does."""
        body = answer.replace("ID", known_id()).encode()
        os.write(conversation(), len(body).to_bytes(4, "little") + body)
        return "lied"

    def take_over(self, _: str) -> str:
        """Change what every later call of this parser would answer."""
        Reaching.nothing = lambda _self, _target: "taken over"  # type: ignore[method-assign]
        return self.nothing("")

    def work_on(self, _: str) -> int:
        def work() -> None:
            while True:
                pass

        threading.Thread(target=work, daemon=True).start()
        return os.getpid()

    def environment(self, _: str) -> dict[str, str]:
        return dict(os.environ)

    def pipes(self, _: str) -> int:
        opened: list[int] = []
        with contextlib.suppress(OSError):
            while len(opened) < 1000:
                opened += os.pipe()
        return len(opened) // 2

    def server(self, _: str) -> int:
        return os.getppid()

    def dawdle(self, _: str) -> str:
        time.sleep(60)
        return "waited"

    def leave_group(self, _: str) -> str:
        os.setpgid(0, os.getpgid(os.getppid()))
        return "left"

    def leave_session(self, _: str) -> str:
        os.setsid()
        return "left"

    def watch_files(self, _: str) -> str:
        if LIBC.inotify_init1(0) < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        return "watches"

    def timer(self, _: str) -> str:
        signal.setitimer(signal.ITIMER_REAL, 100)
        return "set"

    def new_call(self, _: str) -> str:
        return self._call(999)

    def compute(self, _: str) -> str:
        import numpy as np  # noqa: PLC0415

        return f"numpy {np.linalg.norm(np.array([1.0, 2.0, 2.0]))}"

    def cpu_limit(self, _: str) -> list[int]:
        return list(resource.getrlimit(resource.RLIMIT_CPU))

    def more_cpu(self, _: str) -> str:
        resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
        return "raised"

    def _call(self, *arguments: object) -> str:
        answer = LIBC.syscall(*arguments)
        if answer < 0:
            raise OSError(ctypes.get_errno(), "system call")
        return f"answered {answer}"
