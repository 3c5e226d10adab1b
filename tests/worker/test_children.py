"""What children of a prefork pool tell their parent, whatever befalls one report."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.deployment import poll
from parsekit import Metric
from parsekit.worker.monitoring import children
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.children import Children, ChildReport
from parsekit.worker.monitoring.families import RUNS


@pytest.fixture
def report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], MetricsSnapshot]], ChildReport]:
    """Reports often, and of this process: to the parent below it is a child of its own."""
    monkeypatch.setattr(children, "REPORT_SECONDS", 0.02)
    monkeypatch.setattr(os, "getppid", os.getpid)
    monkeypatch.setattr(children, "_is_ours", lambda _pid: True)
    return lambda numbers: ChildReport(tmp_path, numbers)


def runs(number: int) -> MetricsSnapshot:
    return MetricsSnapshot(
        metrics=(Metric(name="parsekit_runs_total", help="Runs.", kind="counter", value=number),)
    )


def test_a_report_that_fails_once_is_not_the_last(
    report: Callable[[Callable[[], MetricsSnapshot]], ChildReport],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    parent, asked = Children(tmp_path), []

    def numbers() -> MetricsSnapshot:
        asked.append(1)
        if 2 <= len(asked) <= 4:
            raise TypeError("no numbers now")
        return runs(len(asked))

    child = report(numbers)
    child.start()
    poll(lambda: parent.now()[0].value(RUNS) > 4, seconds=10)
    child.stop()
    (line,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "no numbers now" in str(line.exc_info)
