"""A million analytics events over a year and a gigabyte of audit: what it costs to read them.

Each reading is the real command as a process, by its processor time, beside `json.loads` of the
same lines and an import of what the command line stands on.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.promises import promise
from parsekit.events import Acts, AnalyticsEvent, AuditEvent
from parsekit.model import Failure, Outcome, Timings
from parsekit.records import analytics_file, audit_file

EVENTS = 1_000_000
DAYS = 365
RECORDS = 500_000
#: Lines that are made, of which each file has copies under other ids.
_MADE = 1000
_MADE_ID = "00000000-0000-0000-0000-000000000000"
_START_CODE = "import typer, rich.console, rich.table"


def main() -> None:
    """Print times, and ratios to the plain ways."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "parsekit"
        days = data / analytics_file.FOLDER
        days.mkdir(parents=True)
        _write_year(days)
        start_s = min(_cpu_s(sys.executable, "-c", _START_CODE) for _ in range(3))
        loads_s = _loads_s(days) * EVENTS
        whole_s = _command_s(folder, "analytics", "summary")
        hour_s = min(_command_s(folder, "analytics", "summary", "--since", "1h") for _ in range(3))
        print(f"start of a command line: {start_s:.2f} s; json.loads alone: {loads_s:.1f} s")
        text = f"{whole_s:.1f} s of CPU, {whole_s / loads_s:.2f} of json.loads"
        promise(f"summary of {EVENTS:,} events", text, "<= 8 s", kept=whole_s <= 8)
        text = f"{hour_s:.2f} s of CPU, {hour_s / start_s:.1f} starts"
        promise("the last hour of them", text, "<= 1 s", kept=hour_s <= 1)
        size_mb = _write_audit(data / audit_file.FILE_NAME) / 1e6
        one_s = _command_s(folder, "audit", str(uuid.UUID(int=RECORDS // 2)))
        print(f"one task of {RECORDS:,} audit records ({size_mb:.0f} MB): {one_s:.2f} s of CPU")


def _write_year(days: Path) -> None:
    now, number = datetime.now(UTC), 0
    for day in range(DAYS):
        ended = now - timedelta(days=DAYS - 1 - day)
        lines = [line.split(_MADE_ID.encode()) for line in _events(ended)]
        with (days / f"{ended.date()}.jsonl").open("wb") as file:
            for _ in range(EVENTS // DAYS + (day < EVENTS % DAYS)):
                number += 1
                task_id = str(uuid.UUID(int=number)).encode()
                file.write(task_id.join(lines[number % len(lines)]))


def _events(ended: datetime) -> Iterator[bytes]:
    for number in range(_MADE // 10):
        outcome = Outcome(
            replay="r",
            task_id=_MADE_ID,
            parser=("local", "ballchasing")[number % 2],
            replay_bytes=number * 20_000,
            cached=number % 3 == 0,
            failure=Failure(code="invalid_replay", message="") if number % 33 == 0 else None,
            timings=Timings(get_ms=number, parse_ms=number * 170, put_ms=7, total_ms=number * 190),
        )
        event = AnalyticsEvent(
            event_id=f"{_MADE_ID}.parseReplay",
            task_id=_MADE_ID,
            hash=f"{number:064x}",
            at_unix=ended.timestamp() - number,
            outcome=outcome,
        )
        yield analytics_file.line_of(event)


def _write_audit(path: Path) -> int:
    event = AuditEvent(
        at_unix=time.time(),
        caller="gen21246@web1, reply to c167eae0-0000-4000-8000-000000000000",
        task_id=_MADE_ID,
        replay=f"replays/{_MADE_ID}.replay",
        acts=Acts(read=(f"replays/{_MADE_ID}.replay",), written=("parsed/local/1/a.json",)),
        result="ok",
        parser="local",
        parser_version="1",
        hash="a" * 64,
    )
    parts = audit_file.line_of(event).split(_MADE_ID.encode())
    with path.open("wb") as file:
        for number in range(RECORDS):
            file.write(str(uuid.UUID(int=number)).encode().join(parts))
        return file.tell()


def _loads_s(days: Path) -> float:
    """Seconds for a line."""
    lines = [line for file in sorted(days.iterdir())[:8] for line in file.open("rb")]
    began = time.process_time()
    for line in lines:
        json.loads(line)
    return (time.process_time() - began) / len(lines)


def _command_s(data_home: str, *arguments: str) -> float:
    return _cpu_s(sys.executable, "-m", "parsekit", *arguments, data_home=data_home)


def _cpu_s(*command: str, data_home: str = "") -> float:
    """Processor time of a command and its children, seconds."""
    environ = {name: value for name, value in os.environ.items() if "PYTHONDONT" not in name}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environ |= {"XDG_DATA_HOME": data_home}
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
