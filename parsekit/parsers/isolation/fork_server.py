"""The process that forks one child for each parse: it has made the parser, and reads no replay.

Started by `parsekit.parsers.isolation.pool` with the number of its control socket, on which come
first a pickled `Setup` and then, for each parse, a number and the descriptors of `Descriptors`. A
child inherits the parser ready to use, answers once, and is gone; so no replay meets what another
one left behind.

This process has one thread and waits for nothing but the host and the ends of its children. What
it says on a supervision socket is therefore true whatever a child does. A child is ended when the
host closes that socket, and all are when the host closes the control socket, or dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import pickle
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from parsekit.errors import ParsekitError
from parsekit.host.loading import resolve
from parsekit.parsers.isolation.child import ran_out_of_memory, serve
from parsekit.parsers.isolation.protocol import (
    PARSE_NUMBER,
    Descriptors,
    Setup,
    frame,
    receive,
    traceback_of,
)
from parsekit.parsers.isolation.sandbox import Sandbox
from parsekit.providers import Parser
from parsekit.redaction.secrets import cleaned

_PR_SET_PDEATHSIG = 1
#: The host sends the setup at once, seconds.
_SETUP_S = 60.0


def main() -> None:
    """Make the parser, then fork a child for each parse until the host closes the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    setup: Setup = pickle.loads(receive(control, time.monotonic() + _SETUP_S))  # noqa: S301  (ours)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (setup.memory_bytes, setup.memory_bytes))
    _yield_to_others(setup.niceness)
    sys.path[:] = dict.fromkeys((*setup.spec.search_path, *sys.path))
    sandbox = Sandbox(setup.spec, setup.folder)
    sandbox.restrict_system()
    try:
        parser: Parser = resolve(setup.spec.create)(setup.spec.context)
    except BaseException as exc:  # noqa: BLE001  (a panic of native code is no Exception)
        _refuse_a_parse(control, setup.spec.parser, exc)
        return
    sandbox.restrict_files()
    gc.collect()
    gc.freeze()  # what is loaded stays out of the collector's sight, and shared with each child
    _ForkServer(control, parser, sandbox, setup).run()


class _ForkServer:
    def __init__(
        self, control: socket.socket, parser: Parser, sandbox: Sandbox, setup: Setup
    ) -> None:
        self._control = control
        self._parser = parser
        self._sandbox = sandbox
        self._setup = setup
        self._supervision_of: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()

    def run(self) -> None:
        """Serve until the host closes the control socket, with which all children end."""
        for end in (self._wakeup, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is self._control:
                        self._start_parse()
                    elif key.fileobj is self._wakeup:
                        self._wakeup.recv(4096)
                        self._reap()
                    elif self._supervision_of.get(key.data) is key.fileobj:
                        # the host sends nothing there: it has closed its end
                        self._selector.unregister(key.fileobj)
                        _kill_group(key.data)
                    # else the child was reaped since `select`, and its number is anybody's
        except EOFError:
            for pid in self._supervision_of:
                _kill_group(pid)

    def _start_parse(self) -> None:
        folder, given = _next_parse(self._control, self._setup.folder)
        supervision = socket.socket(fileno=given.supervision)
        if _has_threads():  # a fork copies one of them, and the locks that the others hold
            _report(supervision, {"started": os.getpid(), "alone": True})
            self._become_child(given, folder, os.getppid())
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as exc:
            text = f"no process for parser {self._setup.spec.parser!r}: {exc.strerror}"
            _report(supervision, {"failed": ["parser_failed", text, None, ""]})
            supervision.close()
        else:
            if pid == 0:
                os.setpgid(0, 0)
                supervision.detach()
                self._become_child(given, folder, server)
            os.setpgid(pid, pid)  # here too: the host may have it ended before it does so itself
            self._supervision_of[pid] = supervision
            self._selector.register(supervision, selectors.EVENT_READ, pid)
            _report(supervision, {"started": pid})
        os.close(given.conversation)
        os.close(given.stderr)

    def _become_child(self, given: Descriptors, folder: Path, parent: int) -> NoReturn:
        """Close what is the server's, so that no object closes what comes to have its number."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _end_with_parent()
            if os.getppid() != parent:  # it died before that
                os._exit(1)
            for ours in (self._control, self._wakeup, self._waker, *self._supervision_of.values()):
                ours.detach()
            serve(self._parser, self._setup.spec, self._sandbox, given, folder)
        except BaseException:  # noqa: BLE001  (this process must not go on as a server)
            traceback.print_exc()  # on the parse's stderr, where the host looks for last words
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Report how children ended; what they started, where that was possible, ends with them."""
        for pid, supervision in list(self._supervision_of.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)  # before it is reaped: until then the number is its own
            _, status = os.waitpid(pid, 0)
            del self._supervision_of[pid]
            with contextlib.suppress(KeyError):
                self._selector.unregister(supervision)
            _report(supervision, {"ended": os.waitstatus_to_exitcode(status)})
            supervision.close()


def _next_parse(control: socket.socket, folder: Path) -> tuple[Path, Descriptors]:
    """Take the next parse. Raises EOFError when the host is gone."""
    number, descriptors, _, _ = socket.recv_fds(control, PARSE_NUMBER.size, 3)
    if len(descriptors) < len(Descriptors._fields):
        raise EOFError
    return folder / str(PARSE_NUMBER.unpack(number)[0]), Descriptors(*descriptors)


def _refuse_a_parse(control: socket.socket, parser: str, exc: BaseException) -> None:
    """Report to the first parse why there is no parser; the next one has another server try."""
    with contextlib.suppress(EOFError):
        _, given = _next_parse(control, Path())
        supervision = socket.socket(fileno=given.supervision)
        if ran_out_of_memory(exc):
            _report(supervision, {"out_of_memory": True})
        elif isinstance(exc, ParsekitError):
            _report(
                supervision, {"failed": [exc.code, cleaned(exc.message), exc.retry_after_s, ""]}
            )
        else:
            text = cleaned(f"parser {parser!r} failed: {type(exc).__name__}: {exc}")
            _report(supervision, {"failed": ["parser_failed", text, None, traceback_of(exc)]})


def _report(supervision: socket.socket, facts: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # the host does not want to know any more
        supervision.sendall(frame(json.dumps(facts).encode()))


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """A parent that is killed must not leave a parser behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _yield_to_others(niceness: int) -> None:
    """Take only the time that nobody else wants, where ``niceness`` is not 0."""
    if niceness:
        os.nice(niceness)
        # A session has an autogroup of its own, within which alone niceness counts (man 7 sched).
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _has_threads() -> bool:
    """Whether the parser started threads while it was made; asked of the system if it answers."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) > 1
    except OSError:
        return False


if __name__ == "__main__":
    main()
