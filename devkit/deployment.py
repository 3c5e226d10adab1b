"""A whole service for tests: a folder as storage, real worker processes, a plain Celery caller."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from celery import Celery
from celery.backends.redis import RedisBackend
from celery.result import AsyncResult
from kombu import pools

from devkit.warm_start import Starter, popen, run
from parsekit.model import JsonObject

Found = TypeVar("Found")

_CONFIRM_SECONDS = 10
#: No command of a test takes longer, even on a busy machine.
_COMMAND_SECONDS = 90


def poll(look: Callable[[], Found], *, seconds: float = 60, every_s: float = 0.05) -> Found:
    """Look until there is something, and return it. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"still {found!r} after {seconds:g} s")
        time.sleep(every_s)
    return found


def hang_up(caller: Celery) -> None:
    """End a caller with its connections, which `Celery.close` leaves to the garbage collector."""
    pools.reset()  # of all callers of this process
    if isinstance(caller.backend, RedisBackend):
        # A result that is collected later unsubscribes, for 20 s where the server is gone.
        caller.backend.result_consumer.subscribed_to.clear()
        caller.backend.client.connection_pool.disconnect()
    caller.close()


class WorkerProcess:
    """One ``parsekit worker``, or any other command of the service, in a group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        start: Starter = popen,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = start(
                command,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id of the worker itself."""
        return self.process.pid

    @property
    def children(self) -> list[int]:
        """Process ids of what it started: its pool, or its parsers."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]

    def text(self) -> str:
        """All that it printed."""
        return self.log.read_text(errors="replace")

    def ready(self, seconds: float = 60) -> WorkerProcess:
        """Wait until it consumes."""
        poll(lambda: " ready." in self.text() or self._ended(), seconds=seconds)
        return self

    def _ended(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended:\n{self.text()[-3000:]}")
        return False

    def signal(self, number: int) -> None:
        """Send a signal to the worker alone."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it and all its children at once, as a power cut would."""
        for number in (signal.SIGCONT, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
        self.process.wait()

    def stop(self, seconds: float = 40) -> float:
        """Ask it to end, and answer how many seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(seconds)
        return time.monotonic() - began


class Deployment:
    """Configuration, folder and processes of one service in a test.

    ``start`` starts the processes: `subprocess.Popen` where what a process costs is measured.
    """

    def __init__(
        self,
        folder: Path,
        config: JsonObject,
        environ: Mapping[str, str] | None = None,
        *,
        start: Starter = popen,
    ) -> None:
        self.folder = folder
        self._start = start
        self.store = folder / "store"
        self.workers: list[WorkerProcess] = []
        (self.store / "replays").mkdir(parents=True, exist_ok=True)
        self.config: JsonObject = {}
        self.configure(**{"folder": {"path": str(self.store)}, **config})
        self.environ = {
            "PARSEKIT_CONFIG": str(folder / "parsekit.json"),
            "XDG_DATA_HOME": str(folder / "data"),
            **(environ or {}),
        }
        celery = self.config.get("celery", {})
        self.queue = celery.get("queue", "replay-parse")
        self.caller = Celery("caller", broker=celery.get("broker"), backend=celery.get("backend"))
        self.caller.conf.broker_connection_retry_on_startup = True
        if str(celery.get("broker")).startswith("amqp"):
            # What RabbitMQ has not confirmed is lost when it is killed just then.
            confirmed = {"confirm_publish": True, "confirm_timeout": _CONFIRM_SECONDS}
            self.caller.conf.broker_transport_options = confirmed

    def configure(self, **changes: Any) -> None:
        """Change the configuration of what is started from now on."""
        self.config |= changes
        (self.folder / "parsekit.json").write_text(json.dumps(self.config))

    def put(self, name: str, body: bytes) -> str:
        """Store a replay and return its key."""
        key = f"replays/{name}.replay"
        (self.store / key).write_bytes(body)
        return key

    def worker(self, *options: str) -> WorkerProcess:
        """Start ``parsekit worker`` with these options; wait with `WorkerProcess.ready`."""
        return self.run("worker", *options)

    def run(self, *command: str) -> WorkerProcess:
        """Start any command of parsekit."""
        log = self.folder / f"worker{len(self.workers)}.log"
        line = [sys.executable, "-m", "parsekit", *command]
        self.workers.append(WorkerProcess(line, self.environ, log, start=self._start))
        return self.workers[-1]

    def command(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of parsekit to its end, with a few more variables."""
        done = run(
            [sys.executable, "-m", "parsekit", *arguments],
            env={**os.environ, **self.environ, **environ},
            timeout=_COMMAND_SECONDS,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def send(self, key: object, *, task_id: str | None = None, **options: Any) -> AsyncResult:
        """Send ``parseReplay`` as a Python caller does, without parsekit."""
        kwargs = {"replayObjectPath": key, **options.pop("extra", {})}
        options.setdefault("queue", self.queue)
        return self.caller.send_task("parseReplay", kwargs=kwargs, task_id=task_id, **options)

    def close(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.kill()
        hang_up(self.caller)
