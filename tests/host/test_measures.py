"""Plugins that offer numbers: right ones are shown, wrong ones hurt nobody else."""

from __future__ import annotations

import json
import threading

import pytest

from devkit.deployment import poll
from parsekit import Metric, hookimpl
from parsekit.host.host import Host
from parsekit.host.plugin_metrics import PluginMeasures
from parsekit.metrics import MAX_SERIES, merged
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.metrics_page import make_page


class Offers:
    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def parsekit_metrics(self):
        return self.answer()


def gauge(name: str = "parsekit_mine", **more) -> Metric:
    return Metric(**{"name": name, "help": "Mine.", "value": 1.0, **more})


def measures(*answers) -> PluginMeasures:
    host = Host()
    for number, answer in enumerate(answers):
        host.register(Offers(answer), f"plugin{number}")
    return PluginMeasures(host, patience_s=0.2)


def told(asked: PluginMeasures) -> MetricsSnapshot:
    """As it comes from a child of a prefork pool."""
    sent = json.dumps(MetricsSnapshot(metrics=tuple(asked.now())).to_json())
    return MetricsSnapshot.from_json(json.loads(sent))


def names(asked: PluginMeasures) -> list[str]:
    return [metric.name for metric in asked.now()]


def values(asked: PluginMeasures) -> dict[str, float]:
    return {metric.name: metric.value for metric in asked.now()}


def fails() -> list[Metric]:
    raise SystemExit("not now")


@pytest.mark.parametrize(
    "wrong",
    [
        gauge("mine"),
        gauge("parsekit_Mine"),
        gauge("parsekit_mine\n# evil"),
        gauge("parsekit_mine_total"),
        gauge(kind="counter"),
        gauge(kind="histogram"),
        gauge(labels={"no-label": "x"}),
        gauge(labels={1: "x"}),
        gauge(labels={"mine": 1}),
        gauge(labels={"mine": None}),
        gauge(labels={"mine": b"x"}),
        gauge(labels={"mine": "half a pair \ud800"}),
        gauge(labels={"mine": "x" * 5000}),
        gauge(labels=None),
        gauge(help=None),
        gauge(help="half a pair \ud800"),
        gauge(family="parsekit_slots"),
        gauge(family=7),
        gauge(across=b"max"),
        gauge(value="7"),
        gauge(value=None),
        gauge(value=10**400),
        gauge(name=7),
        gauge("parsekit_tasks_total", kind="counter", labels={"mine": "x"}),
        gauge("parsekit_stage_duration_seconds_sum"),
        {"name": "parsekit_mine"},
        None,
    ],
)
def test_a_wrong_number_is_left_out_and_named_once(wrong, caplog):
    asked = measures(lambda: [wrong, gauge("parsekit_right")])
    assert names(asked) == names(asked) == ["parsekit_right"]
    assert b"parsekit_right 1.0" in make_page(lambda: told(asked))()
    assert len(caplog.records) == 1
    assert "plugin0" in caplog.text


@pytest.mark.parametrize("answer", [fails, lambda: None, lambda: 7, lambda: (fails() for _ in "a")])
def test_a_plugin_that_fails_keeps_only_its_own_back(answer, caplog):
    asked = measures(answer, lambda: [gauge()])
    assert names(asked) == ["parsekit_mine"]
    assert "plugin0" in caplog.text


def test_numbers_that_are_large_only_together_leave_the_page_whole():
    large = [gauge(value=10**308)]
    both = merged(measures(lambda: large, lambda: large).now())
    assert b"parsekit_mine +Inf" in make_page(lambda: MetricsSnapshot(metrics=tuple(both)))()


def test_a_plugin_that_hangs_is_not_asked_again_until_it_comes_back():
    release, calls = threading.Event(), []

    def hang() -> list[Metric]:
        calls.append(1)
        release.wait(30)
        return [gauge("parsekit_late")]

    asked = measures(hang, lambda: [gauge()])
    for _ in range(3):
        assert names(asked) == ["parsekit_mine"]
    assert len(calls) == 1
    release.set()
    end = threading.Event()
    while "parsekit_late" not in names(asked):
        end.wait(0.01)


class Moody:
    """Counts on; it may answer late, or not at all."""

    def __init__(self) -> None:
        self.slow = self.broken = False
        self.release = threading.Event()
        self.number = 0

    def __call__(self) -> list[Metric]:
        if self.slow:
            self.release.wait(30)
        if self.broken:
            raise OSError("not now")
        self.number += 100
        return [gauge(), gauge("parsekit_sent_total", kind="counter", value=self.number)]


def test_what_a_plugin_told_last_stands_until_it_answers_again():
    """Else the sum over the processes of a worker falls, which reads as a restart."""
    moody = Moody()
    asked = measures(moody)
    assert values(asked) == {"parsekit_mine": 1, "parsekit_sent_total": 100}
    moody.slow = True
    for _ in range(3):
        assert values(asked) == {"parsekit_mine": 1, "parsekit_sent_total": 100}
    moody.slow = False
    moody.release.set()
    poll(lambda: values(asked)["parsekit_sent_total"] > 100, seconds=10)
    moody.broken = True
    assert values(asked)["parsekit_sent_total"] == moody.number


def test_only_what_it_counted_stands_for_long(monkeypatch):
    moody = Moody()
    asked = measures(moody)
    assert set(values(asked)) == {"parsekit_mine", "parsekit_sent_total"}
    monkeypatch.setattr("parsekit.host.plugin_metrics.KEPT_S", -1)
    moody.broken = True
    assert values(asked) == {"parsekit_sent_total": 100}


def test_a_label_gone_wild_is_bounded():
    wild = [gauge(labels={"task": str(n)}) for n in range(MAX_SERIES + 50)]
    assert len(names(measures(lambda: wild))) == MAX_SERIES


def test_counters_of_processes_add_up_and_shared_facts_do_not():
    counter = gauge("parsekit_sent_total", kind="counter", value=2)
    shared = gauge("parsekit_left", across="max", value=7)
    found = {m.name: m.value for m in merged([counter, shared, counter, shared, gauge(), gauge()])}
    assert found == {"parsekit_sent_total": 4, "parsekit_left": 7, "parsekit_mine": 2}
