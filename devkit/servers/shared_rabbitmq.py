"""One RabbitMQ for all processes of a test run.

The first that needs it has a keeper start it, a process of its own that waits for a lock which all
users share: so the node ends with the last of them, one that was killed too.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from devkit.servers.process import ServerFailed
from devkit.servers.rabbitmq import rabbitmq
from devkit.servers.rabbitmq_node import Ports, RabbitNode, needed_installation

_PORTS, _USERS, _LOG = "ports.json", "users.lock", "keeper.log"


@contextmanager
def shared_rabbitmq(folder: Path) -> Iterator[RabbitNode]:
    """Use the node of this folder: take a vhost of your own, and leave the node running.

    Raises `ServerFailed` with the keeper's complaint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _USERS).open("a") as users:
        with (folder / "start.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that ends its node
            if not (folder / _PORTS).exists():
                _start_keeper(folder)
        ports = Ports(**json.loads((folder / _PORTS).read_text()))
        yield RabbitNode(folder, ports, needed_installation())


def _start_keeper(folder: Path) -> None:
    with (folder / _LOG).open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(folder)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
    if done.returncode:
        raise ServerFailed(f"no RabbitMQ for this run:\n{(folder / _LOG).read_text()}")


def _keep(folder: Path) -> None:
    """Start the node; then, in a process for which nobody waits, end it after its last user."""
    with (folder / _USERS).open("a") as users, rabbitmq(folder) as server:
        (folder / _PORTS).write_text(json.dumps(asdict(server.ports)))
        if os.fork():
            os._exit(0)
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / _PORTS).unlink()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
