"""Several worker processes with one Valkey, against one sandbox, in quick time."""

from __future__ import annotations

import heapq
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from devkit.servers.valkey import ValkeyServer, valkey
from parsekit import Job, NotReady, ProviderContext, Replay, RetryPolicy
from parsekit.errors import ParsekitError
from parsekit_ballchasing.client import BallchasingClient
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator, SiteOptions

#: Seconds of the sandbox in a real one: slow enough for exact windows, quick enough for a test.
STEADY, HASTY = 5.0, 30.0


def make_parser(url: str, redis_url: str | None, token_file: Path, speed: float) -> Any:
    """A parser that lives ``speed`` times as fast."""

    def now() -> float:
        return time.time() * speed

    def ticks() -> float:
        return time.monotonic() * speed

    def sleep(seconds: float) -> None:
        time.sleep(seconds / speed)

    settings = BallchasingSettings(url=url, token_file=token_file)
    token = settings.read_token()
    client = BallchasingClient(url, token, clock=now, timeout_s=(2, 30 / speed + 0.2))
    budget = Budget.open(
        redis_url,
        url,
        token,
        client.ping,
        clock=now,
        ticks=ticks,
        sleep=sleep,
        shared_clock=now,
    )
    context = ProviderContext(settings=settings, data_dir=token_file.parent)
    return BallchasingParser(
        context, clock=now, ticks=ticks, sleep=sleep, client=client, budget=budget
    )


def work(url: str, redis_url: str, folder: Path, speed: float, names: list[str]) -> None:
    """One worker: six slots, and a queue with delays; writes what became of each replay."""
    parser = make_parser(url, redis_url, folder / "token", speed)
    outcomes: dict[str, str] = {}
    queue: list[tuple[float, str]] = [(0.0, name) for name in names]
    tasks = {name: _Task(parser, _replay(folder, name)) for name in names}
    changed = threading.Condition()

    def slot() -> None:
        while len(outcomes) < len(names):
            with changed:
                if not queue or queue[0][0] > time.monotonic():
                    due = queue[0][0] if queue else time.monotonic() + 0.05
                    changed.wait(max(min(due - time.monotonic(), 0.05), 0.001))
                    continue
                _, name = heapq.heappop(queue)
            after_s = tasks[name].step()
            with changed:
                if after_s is None:
                    outcomes[name] = tasks[name].outcome
                else:
                    heapq.heappush(queue, (time.monotonic() + after_s / speed, name))
                changed.notify_all()

    slots = [threading.Thread(target=slot) for _ in range(6)]
    for thread in slots:
        thread.start()
    for thread in slots:
        thread.join()
    (folder / f"{names[0]}.outcomes").write_text(json.dumps(outcomes), encoding="utf-8")


def _replay(folder: Path, name: str) -> Replay:
    path = folder / f"{name}.replay"
    path.write_bytes(name.encode() * 200)
    return Replay(path=path, name=name, sha256=name, size_bytes=path.stat().st_size)


class _Task:
    """One replay, driven as the host drives it."""

    def __init__(self, parser: Any, replay: Replay) -> None:
        self._parser = parser
        self._replay = replay
        self._ticket: Any = None
        self._uploaded = False
        self._failures = 0
        self.outcome = ""

    def step(self) -> float | None:
        job = Job(task_id=self._replay.name, ticket=self._ticket, checkpoint=self._keep)
        resume = self._uploaded
        try:
            answer = self._parser.resume(job) if resume else self._parser.parse(self._replay, job)
        except ParsekitError as error:
            self._failures += 1
            self.outcome = f"{error.code}: {error}"
            return RetryPolicy().next_delay_s(self._failures, error)
        self._failures = 0
        if isinstance(answer, NotReady):
            self._ticket, self._uploaded = answer.ticket, not answer.needs_replay
            return answer.after_s
        self.outcome = str(answer.data["status"])
        return None

    def _keep(self, ticket: Any) -> None:
        self._ticket, self._uploaded = ticket, True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("test-token-of-four-workers", encoding="utf-8")
    return tmp_path


@pytest.fixture
def run_workers(folder: Path, redis_server: ValkeyServer) -> Iterator[Callable[..., Any]]:
    context = multiprocessing.get_context("spawn")
    processes: list[Any] = []

    def run(simulator: Simulator, replays: int, workers: int = 4) -> dict[str, str]:
        names = [f"replay-{n}" for n in range(replays)]
        for n in range(workers):
            mine = names[n::workers]
            args = (simulator.url, redis_server.url(), folder, simulator.speed, mine)
            processes.append(context.Process(target=work, args=args))
            processes[-1].start()
        for process in processes:
            process.join(100)
        found: dict[str, str] = {}
        for path in folder.glob("*.outcomes"):
            found |= json.loads(path.read_text())
        return found

    yield run
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()


def options(**changes: Any) -> SiteOptions:
    return SiteOptions(**{"pending_s": (3.0, 20.0), "day": -1, "week": -1, **changes})


def test_four_workers_are_never_refused_and_upload_everything_once(
    run_workers: Callable[..., Any],
) -> None:
    with Simulator(options(), speed=STEADY) as simulator:
        outcomes = run_workers(simulator, 40)
        counts = simulator.site.counts
    assert list(outcomes.values()) == ["ok"] * 40
    assert counts.refused == {}
    assert sorted(counts.accepted_uploads.values()) == [1] * 40
    assert counts.calls["replay"] <= 6 * 40


def test_four_workers_bring_everything_home_when_one_call_in_five_fails(
    run_workers: Callable[..., Any],
) -> None:
    with Simulator(options(), speed=HASTY) as simulator:
        simulator.faults.rate = 0.2
        simulator.faults.seconds, simulator.faults.hang_s = 30, 60
        outcomes = run_workers(simulator, 40)
        counts = simulator.site.counts
    assert outcomes == dict.fromkeys(outcomes, "ok")
    assert len(outcomes) == 40
    assert sorted(counts.accepted_uploads.values()) == [1] * 40


def test_a_killed_worker_leaves_nothing_that_is_uploaded_twice(
    folder: Path, redis_server: ValkeyServer
) -> None:
    with Simulator(options(pending_s=(2, 2)), speed=HASTY) as simulator:
        context = multiprocessing.get_context("spawn")
        args = (simulator.url, redis_server.url(), folder, HASTY)
        process = context.Process(target=_upload_and_wait, args=args)
        process.start()
        end = time.monotonic() + 60
        while not simulator.site.counts.accepted_uploads and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        process.join()
        parser = make_parser(simulator.url, redis_server.url(), folder / "token", HASTY)
        task = _Task(parser, _replay(folder, "victim"))
        while (after_s := task.step()) is not None:
            time.sleep(after_s / HASTY)
        parser.close()
        assert task.outcome == "ok"
        assert list(simulator.site.counts.accepted_uploads.values()) == [1]


def _upload_and_wait(url: str, redis_url: str, folder: Path, speed: float) -> None:
    parser = make_parser(url, redis_url, folder / "token", speed)
    parser.parse(_replay(folder, "victim"), Job(task_id="victim"))
    time.sleep(60)


def test_workers_go_on_when_redis_leaves(tmp_path: Path, folder: Path) -> None:
    with valkey(tmp_path / "mortal") as mortal, Simulator(options(), speed=HASTY) as simulator:
        parser = make_parser(simulator.url, mortal.url(), folder / "token", HASTY)
        for name in ("before", "after"):
            task = _Task(parser, _replay(folder, name))
            while (after_s := task.step()) is not None:
                time.sleep(after_s / HASTY)
            assert task.outcome == "ok"
            mortal.kill()
        parser.close()


def test_workers_with_different_tokens_have_books_of_their_own(redis_server: ValkeyServer) -> None:
    url = "https://ballchasing.com/api"
    first, second = (
        Budget.open(redis_server.url(), url, SecretStr(token), dict) for token in ("one", "two")
    )
    first.store.change("account", lambda _: {"type": "gc"})
    assert second.store.read("account") == {}
    first.close()
    second.close()
