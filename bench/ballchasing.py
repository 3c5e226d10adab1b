"""The Ballchasing parser on the simulator: beside a naive client, and how soon and often it looks.

Both clients are given the free tier's limits, 200 replays, four worker processes and the same
number of slots. Time is scaled: a second of the simulator and of both clients is a third of a real
one. The looks (`bench.looks`) are counted in virtual time.

Run it alone with ``python -m bench.ballchasing``.
"""

from __future__ import annotations

import hashlib
import heapq
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from bench import looks
from devkit.servers.valkey import valkey
from parsekit import Job, NotReady, Parsed, ProviderContext, Replay, RetryPolicy
from parsekit.errors import ParsekitError
from parsekit_ballchasing.client import BallchasingClient
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings

SPEED = 3.0
WORKERS, SLOTS = 4, 8
REPLAYS = 200
#: The naive client shows its manners on fewer, as its delays take minutes.
NAIVE_REPLAYS = 60
#: Looks that are all due at once, after the main run.
BURST = 60
#: The free tier: calls a second, uploads and looks counted apart.
RATE = 2.0
TOKEN = "bench-token"  # noqa: S105  (of a simulator)


def now() -> float:
    return time.time() * SPEED


def ticks() -> float:
    return time.monotonic() * SPEED


def sleep(seconds: float) -> None:
    time.sleep(seconds / SPEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where everything is."""

    url: str
    redis_url: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the simulator counted."""

    replays: int
    replays_ok: int
    refused: int
    upload_rate: float
    looks: int
    accepted: int
    twice: int

    def line(self, name: str) -> str:
        return (
            f"{name:<12} {self.replays_ok:>4} of {self.replays} ok   429: {self.refused:<4} "
            f"upload rate used: {self.upload_rate:>6.1%}   "
            f"status calls a replay: {self.looks / self.replays:.2f}   "
            f"accepted uploads a replay: {self.accepted / self.replays:.2f} (twice: {self.twice})"
        )


def make_parser(place: Place) -> BallchasingParser:
    settings = BallchasingSettings(url=place.url, token_file=place.folder / "token")
    token = SecretStr(TOKEN)
    client = BallchasingClient(place.url, token, clock=now)
    budget = Budget.open(
        place.redis_url,
        place.url,
        token,
        client.ping,
        clock=now,
        ticks=ticks,
        sleep=sleep,
        shared_clock=now,
    )
    context = ProviderContext(settings=settings, redis_url=place.redis_url)
    return BallchasingParser(
        context, clock=now, ticks=ticks, sleep=sleep, client=client, budget=budget
    )


def replay_of(number: int, folder: Path) -> Replay:
    path = folder / f"{number}.replay"
    path.write_bytes(f"replay {number} ".encode() * 100)
    content = path.read_bytes()
    return Replay(
        path=path,
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )


class Line:
    """The tasks of one worker by due time, as a queue with delays keeps them."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], float | None]]] = []
        self._changed = threading.Condition()
        self._open = 0

    def add(self, due: float, run: Callable[[], float | None]) -> None:
        """``run`` answers the seconds until it is to run again, None when it is done."""
        self._open += 1
        heapq.heappush(self._heap, (due, self._open, run))

    def work(self) -> None:
        """One slot: take what is due until nothing is left."""
        while (item := self._take()) is not None:
            _, number, run = item
            after_s = run()
            with self._changed:
                if after_s is None:
                    self._open -= 1
                else:
                    heapq.heappush(self._heap, (now() + after_s, number, run))
                self._changed.notify_all()

    def _take(self) -> tuple[float, int, Callable[[], float | None]] | None:
        with self._changed:
            while self._open:
                wait_s = self._heap[0][0] - now() if self._heap else 1.0
                if self._heap and wait_s <= 0:
                    return heapq.heappop(self._heap)
                self._changed.wait(min(wait_s, 1.0) / SPEED)
            return None


class Task:
    """One replay, driven as the host drives it."""

    def __init__(self, parser: BallchasingParser, replay: Replay, results: list[Any]) -> None:
        self._parser = parser
        self._replay = replay
        self._results = results
        self._policy = RetryPolicy()
        self._ticket: Any = None
        self._needs_replay = True
        self._failures = 0

    def run(self) -> float | None:
        job = Job(task_id=self._replay.name, ticket=self._ticket, checkpoint=self._keep)
        try:
            answer = (
                self._parser.parse(self._replay, job)
                if self._needs_replay
                else self._parser.resume(job)
            )
        except ParsekitError as error:
            self._failures += 1
            delay_s = self._policy.next_delay_s(self._failures, error)
            if delay_s is None:
                self._results.append((self._replay.name, False, self._ticket))
            return delay_s
        return self._take(answer)

    def _keep(self, ticket: Any) -> None:
        self._ticket, self._needs_replay = ticket, False

    def _take(self, answer: Parsed | NotReady) -> float | None:
        if isinstance(answer, Parsed):
            self._results.append((self._replay.name, True, self._ticket))
            return None
        self._failures = 0
        self._ticket, self._needs_replay = answer.ticket, answer.needs_replay
        return answer.after_s


def careful_worker(place: Place, numbers: list[int], results: Any) -> None:
    parser = make_parser(place)
    line = Line()
    done: list[Any] = []
    for number in numbers:
        line.add(now(), Task(parser, replay_of(number, place.folder), done).run)
    _in_slots(line.work)
    results.extend(done)


def look_worker(place: Place, tickets: list[Any], results: Any) -> None:
    parser = make_parser(place)
    line = Line()

    def look(ticket: Any) -> float | None:
        answer = parser.resume(Job(task_id=ticket["id"], ticket=ticket))
        return answer.after_s if isinstance(answer, NotReady) else None

    for ticket in tickets:
        line.add(now(), lambda ticket=ticket: look(ticket))  # type: ignore[misc]
    _in_slots(line.work)
    results.append(None)


def naive_worker(place: Place, numbers: list[int], results: Any) -> None:
    """The seed's backoff, a look every three seconds, a slot for every replay."""
    left = iter(numbers)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            results.append((str(number), _naive(place, replay_of(number, place.folder)), None))

    _in_slots(work)


def _naive(place: Place, replay: Replay) -> bool:
    def call(method: str, path: str, **more: Any) -> requests.Response | None:
        for delay_s in RetryPolicy().delays_s:
            sleep(delay_s)
            answer = requests.request(
                method, place.url + path, headers={"Authorization": TOKEN}, timeout=60, **more
            )
            if answer.status_code in (200, 201, 409):
                return answer
        return None

    file = ("a.replay", replay.path.read_bytes())
    uploaded = call("POST", "/v2/upload", files={"file": file})
    while uploaded is not None:
        looked = call("GET", f"/replays/{uploaded.json()['id']}")
        if looked is None:
            return False
        if looked.json()["status"] == "ok":
            return True
        sleep(3)
    return False


def _in_slots(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_workers(worker: Callable[..., None], place: Place, items: list[Any]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results = manager.list()
        processes = [
            context.Process(target=worker, args=(place, items[n::WORKERS], results))
            for n in range(WORKERS)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return list(results)


@contextmanager
def simulator() -> Iterator[str]:
    """In a process of its own; answers the root of its API."""
    command = [
        *(sys.executable, "-m", "parsekit_ballchasing.simulator", "--port", "0"),
        *("--speed", str(SPEED), "--pending", "3", "20", "--day", "-1", "--week", "-1"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the simulator has no output")
        try:
            yield process.stdout.readline().split()[3].rstrip(";")
        finally:
            process.terminate()


def counts(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(
        f"{place.url.removesuffix('api')}_sim/counts", timeout=60
    ).json()
    return found


def rate_used(log: list[Any], endpoint: str) -> float:
    """Part of the allowed rate from the first to the last call that was let in."""
    arrivals: list[float] = [at for at, where, status in log if where == endpoint and status != 429]
    return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) / RATE


def figures(place: Place, results: list[Any]) -> Figures:
    counted = counts(place)
    accepted = counted["accepted_uploads"].values()
    return Figures(
        replays=len(results),
        replays_ok=sum(1 for _, ok, _ in results if ok),
        refused=sum(counted["refused"].values()),
        upload_rate=rate_used(counted["log"], "upload"),
        looks=counted["calls"].get("replay", 0),
        accepted=sum(accepted),
        twice=sum(1 for times in accepted if times > 1),
    )


def careful(place: Place) -> None:
    results = run_workers(careful_worker, place, list(range(REPLAYS)))
    print(figures(place, results).line("parsekit"))
    before = len(counts(place)["log"])
    run_workers(look_worker, place, [ticket for _, _, ticket in results if ticket][:BURST])
    after = counts(place)
    used = rate_used(after["log"][before:], "replay")
    print(
        f"{'':<12} {BURST} looks due at once: {used:.1%} of the rate, "
        f"429: {sum(after['refused'].values())}"
    )


def naive(place: Place) -> None:
    results = run_workers(naive_worker, place, list(range(NAIVE_REPLAYS)))
    print(figures(place, results).line("naive"))


def main() -> None:
    """Print the figures of both."""
    print(f"Ballchasing, free tier, {REPLAYS} replays, {WORKERS} workers of {SLOTS} slots")
    with tempfile.TemporaryDirectory() as name, valkey(Path(name) / "valkey") as redis:
        token = Path(name) / "token"
        token.touch(mode=0o600)
        token.write_text(TOKEN, encoding="utf-8")
        for client in (careful, naive):
            with simulator() as url:
                client(Place(url=url, redis_url=redis.url(), folder=Path(name)))
    looks.main()


if __name__ == "__main__":
    main()
