"""What logs and audit cost a cached task: CPU of two real workers, one silent, one that tells all.

Both take the same cached task, in turns. The audit can't be switched off; its cost is measured in
this process, through the host and its thread, and given as a share of the silent worker's task.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from parsekit.audit import Standing, Trail, audit_event
from parsekit.config import AuditSettings, Config
from parsekit.config.effective import HOST_SECTIONS
from parsekit.host import Host
from parsekit.host.listeners import Listeners
from parsekit.logs.context import working_on
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.setup import CurrentStderr
from parsekit.logs.steps import tell_step
from parsekit.model import Request
from parsekit.session import Session
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import Deployment, WorkerProcess
from parsekit.testing.servers.valkey import valkey

TASKS, ROUNDS, RECORDS = 100, 9, 2000


def cpu_s(worker: WorkerProcess) -> float:
    """Seconds of CPU that a worker's threads have used, to the nanosecond."""
    threads = Path(f"/proc/{worker.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def deployment(folder: Path, url: str, level: str) -> tuple[Deployment, WorkerProcess]:
    """A worker that writes lines of this level and above, with one replay parsed."""
    folder.mkdir()
    celery = {"broker": url, "backend": url, "queue": f"bench-{level}"}
    made = Deployment(folder, {"parser": "local", "celery": celery, "logs": {"format": "json"}})
    worker = made.worker("--log-level", level, "-c", "1")
    body = synthetic_replay(believable_match(seed=1, team_size=1), frames=0)
    made.send(made.put("a", body)).get(timeout=60)
    return made, worker


def round_cpu_s(made: Deployment, worker: WorkerProcess) -> float:
    """CPU of the worker for one cached task, seconds."""
    began = cpu_s(worker)
    for result in [made.send("replays/a.replay") for _ in range(TASKS)]:
        result.get(timeout=60)
    return (cpu_s(worker) - began) / TASKS


def compare_workers(folder: Path) -> float:
    """Print what the lines cost; the CPU of a cached task without them, seconds."""
    (folder / "valkey").mkdir()
    with valkey(folder / "valkey") as server:
        pairs = {
            level: deployment(folder / level, server.url(), level) for level in ("error", "info")
        }
        costs: dict[str, list[float]] = {level: [] for level in pairs}
        for _ in range(ROUNDS):
            for level, (made, worker) in pairs.items():
                costs[level].append(round_cpu_s(made, worker))
        for made, _ in pairs.values():
            made.close()
    silent, told = (statistics.median(costs[level]) for level in ("error", "info"))
    added = statistics.median(b / a - 1 for a, b in zip(costs["error"], costs["info"], strict=True))
    print(f"   CPU of a cached task, silent   {silent * 1e3:7.3f} ms")
    print(f"   CPU of a cached task, JSON     {told * 1e3:7.3f} ms")
    print(f"   added by the lines             {added * 100:7.1f} %")
    return silent


def each_s(work: Callable[[], object]) -> float:
    """CPU of one call in this process and its threads, seconds."""
    began = time.process_time()
    for _ in range(RECORDS):
        work()
    return (time.process_time() - began) / RECORDS


def audit_s(folder: Path) -> float:
    """CPU of one record, from the task's trail to the file, seconds."""
    sections = {name: model() for name, model in HOST_SECTIONS.items()}
    sections["audit"] = AuditSettings(path=folder / "audit.jsonl")
    session = Session(config=Config(sections=sections), role="worker", data_dir=folder)
    listeners = Listeners(Host.load({"PARSEKIT_PLUGINS": ""}))
    listeners.open(session)
    request = Request(replay="replays/a.replay", task_id="task", caller="gen1@host")

    def record() -> None:
        trail = Trail()
        trail.note("looked_at", "replays/a.replay")
        trail.note("read", "parsed/local/1.0/" + 64 * "a" + ".json")
        trail.note("sent", "analytics")
        listeners.deliver(audit_event(request, trail.take(), Standing(result="ok"), 0.0))

    cost = statistics.median(each_s(record) for _ in range(3))
    listeners.close(1)
    return cost


def line_s() -> float:
    """CPU of one line of a step, as JSON into a file, seconds."""
    handler = CurrentStderr()
    handler.setFormatter(JsonLines())
    steps = logging.getLogger("parsekit.task")
    steps.addHandler(handler)
    steps.setLevel(logging.INFO)
    steps.propagate = False
    facts = {"task_id": "t" * 36, "replay": "replays/a.replay", "hash": "a" * 64, "attempt": 1}
    with Path("/dev/null").open("w") as sys.stderr, working_on(lambda: facts):
        cost = statistics.median(each_s(lambda: tell_step("look up", "hit")) for _ in range(3))
    sys.stderr = sys.__stderr__
    return cost


def main() -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory() as name:
        silent = compare_workers(Path(name))
        record, line = audit_s(Path(name)), line_s()
    print(f"   CPU of one line                {line * 1e3:7.3f} ms")
    print(f"   two of ours, share of a task   {2 * line / silent * 100:7.1f} %")
    print(f"   CPU of an audit record         {record * 1e3:7.3f} ms")
    print(f"   share of a task                {record / silent * 100:7.1f} %")


if __name__ == "__main__":
    main()
