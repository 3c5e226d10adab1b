"""Break everything at random while replays are parsed, and count what came of it.

    python -m tests.worker.chaos --seconds 120 --replays 100 [--seed N]

The seed is printed first; the same seed makes the same faults in the same order (when each of them
hits is up to the machine).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
from kombu.exceptions import OperationalError

from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import Deployment, WorkerProcess, poll
from parsekit.testing.servers.valkey import ValkeyServer, valkey

PLUGINS = Path(__file__).parent / "plugins"


@dataclass
class Chaos:
    """One run."""

    folder: Path
    server: ValkeyServer
    seconds: float
    replays: int
    seed: int
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (no secret)
        self.remote = self.folder / "remote"
        self.remote.mkdir(parents=True)
        url = self.server.url()
        self.service = Deployment(
            self.folder,
            {"parser": "fake", "celery": {"broker": url, "backend": url}},
            {"FAKE_REMOTE": str(self.remote), "PYTHONPATH": str(PLUGINS)},
        )
        self.sent: dict[str, Any] = {}
        self.shas: dict[str, str] = {}

    def run(self) -> None:
        """Send over the first two thirds, break all the time, then let it come to rest."""
        (self.remote / "pending_s").write_text("2")
        (self.remote / "slow_s").write_text("0.2")
        workers = [self.service.worker("-c", "8").ready() for _ in range(2)]
        end = time.monotonic() + self.seconds
        pace = self.seconds * 0.66 / self.replays
        next_fault = time.monotonic() + 1
        number = 0
        while time.monotonic() < end or number < self.replays:
            if number < self.replays:
                self._send(number)
                number += 1
            if time.monotonic() > next_fault and time.monotonic() < end:
                self._fault(workers)
                next_fault = time.monotonic() + self.random.uniform(0.5, 3)
            time.sleep(pace)
        workers[:] = [self._alive(worker) for worker in workers]
        self._settle()

    def _send(self, number: int) -> None:
        content = number - self.random.randrange(3) if number > 3 else number
        body = synthetic_replay(believable_match(seed=content), frames=0)
        key = self.service.put(f"r{number}", body)
        task_id = f"chaos-{number:04}"
        again = self.random.random() < 0.1
        for _ in range(2 if again else 1):
            self.sent[task_id] = self._through(lambda: self.service.send(key, task_id=task_id))
        self.faults["delivered twice"] += again
        self.shas[task_id] = _sha256(body)

    def _through(self, send: Callable[[], Any]) -> Any:
        """Callers try again while the broker is away, as ours do."""
        for _ in range(100):
            try:
                return send()
            except (OSError, redis.RedisError, OperationalError):
                time.sleep(0.1)
        return send()

    def _fault(self, workers: list[WorkerProcess]) -> None:
        name = self.random.choice(
            ["kill", "kill", "freeze worker", "restart broker", "freeze broker"]
        )
        self.faults[name] += 1
        index = self.random.randrange(len(workers))
        pause_s = self.random.uniform(0.5, 8)
        if name == "kill":
            workers[index].kill()
            workers[index] = self.service.worker("-c", "8")
        elif name == "freeze worker":
            workers[index] = self._alive(workers[index])
            workers[index].signal(signal.SIGSTOP)
            time.sleep(pause_s)
            workers[index].signal(signal.SIGCONT)
        elif name == "restart broker":
            self.server.kill()
            time.sleep(pause_s / 4)
            self.server.start()
        else:
            self.server.signal(signal.SIGSTOP)
            time.sleep(pause_s / 2)
            self.server.signal(signal.SIGCONT)

    def _alive(self, worker: WorkerProcess) -> WorkerProcess:
        return worker if worker.process.poll() is None else self.service.worker("-c", "8")

    def _settle(self) -> None:
        for task in self.sent.values():
            poll(partial(self._through, task.ready), seconds=120)
        with redis.Redis.from_url(self.server.url()) as client, suppress(TimeoutError):
            poll(lambda: not self._left(client), seconds=60)  # what is left is a finding

    def _left(self, client: redis.Redis) -> dict[str, int]:
        """What should not be there when all is done."""
        names = ("replay-parse", "replay-parse-poll", "replay-parse-bulk", "parsekit:unreadable")
        left = {name: client.llen(name) for name in names}
        left["due"] = client.zcard("parsekit:due")
        left["taken"] = sum(client.hlen(name) for name in client.keys("parsekit:taken:*"))
        left["flights"] = len(client.keys("parsekit:flight:*"))
        left["dead letters"] = client.hlen("parsekit:dead-letters")
        left["tickets"] = sum(
            1 for file in self.service.store.rglob("tickets/**/*") if file.is_file()
        )
        return {name: count for name, count in left.items() if count}

    def findings(self) -> list[str]:
        """Every promise that was broken."""
        wrong = []
        distinct = set(self.shas.values())
        violent = self.faults["kill"] + self.faults["freeze worker"]
        for task_id, task in self.sent.items():
            if task.state != "SUCCESS":
                wrong.append(f"{task_id}: {task.state} {task.result!r}")
            elif task.result["data"]["sha256"] != self.shas[task_id]:
                wrong.append(f"{task_id}: the result of another replay")
        uploads = (self.remote / "uploads").read_text().split()
        if set(uploads) != distinct or len(uploads) > len(distinct) + violent:
            wrong.append(f"{len(uploads)} uploads of {len(distinct)} contents")
        stored = list((self.service.store / "parsed").rglob("*.json"))
        if len(stored) != len(distinct):
            wrong.append(f"{len(stored)} stored objects of {len(distinct)} contents")
        events = [json.loads(line) for line in (self.remote / "events").read_text().splitlines()]
        wrong += self._miscounted(events, violent)
        with redis.Redis.from_url(self.server.url()) as client:
            wrong += [f"left behind: {name} {count}" for name, count in self._left(client).items()]
        return wrong

    def _miscounted(self, events: list[dict[str, Any]], violent: int) -> list[str]:
        completes = Counter(e["taskId"] for e in events if e.get("status") == "Complete")
        errors = [e["taskId"] for e in events if e.get("status") == "Error"]
        analytics = Counter(e["id"] for e in events if e["kind"] == "analytics")
        wrong = [f"{task_id}: an Error was told" for task_id in errors]
        for what, counts in (("Complete", completes), ("analytics", analytics)):
            if len(counts) != len(self.sent):
                wrong.append(f"{len(counts)} tasks told {what}, want {len(self.sent)}")
            twice = sum(count - 1 for count in counts.values())
            if twice > violent:
                wrong.append(f"{twice} times {what} too often with {violent} kills and freezes")
        return wrong

    def close(self) -> None:
        """End the workers."""
        self.service.close()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def run(folder: Path, *, seconds: float, replays: int, seed: int) -> tuple[list[str], Counter[str]]:
    """One run in an empty folder; answers what went wrong, and the faults that were made."""
    with valkey(folder / "valkey") as server:
        chaos = Chaos(folder / "service", server, seconds, replays, seed)
        try:
            chaos.run()
            return chaos.findings(), chaos.faults
        finally:
            chaos.close()


def say(line: str) -> None:
    """Print at once, whoever reads."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--replays", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    say(f"seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="parsekit-chaos-") as folder:
        wrong, faults = run(
            Path(folder), seconds=given.seconds, replays=given.replays, seed=given.seed
        )
    say(", ".join(f"{count} × {name}" for name, count in faults.items()))
    say("\n".join(wrong) or "every promise was kept")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
