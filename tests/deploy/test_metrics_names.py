"""Dashboard and alerts ask for nothing that a real worker does not tell."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from devkit.deployment import Deployment, poll
from devkit.servers.process import free_port
from devkit.servers.rabbitmq import rabbitmq
from devkit.servers.valkey import valkey
from parsekit.metrics import WORKERS_OWN
from parsekit.testing import believable_match, synthetic_replay

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
#: A name and, where there is one, what must be true of its labels.
SELECTOR = re.compile(r"\b((?:parsekit|process)_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")
#: Prometheus adds it when it asks a worker.
OF_PROMETHEUS = {"instance", "job"}


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[list[Metric]]:
    """Everything that a worker tells that has parsed a replay with all our plugins."""
    from parsekit_ballchasing.simulator import Simulator, SiteOptions  # noqa: PLC0415

    root = tmp_path_factory.mktemp("metrics")
    token = root / "token"
    token.touch(mode=0o600)
    token.write_text("a-made-up-token")
    options = SiteOptions(token="a-made-up-token", pending_s=(0, 0), day=10, week=70)
    with (
        valkey(root / "valkey") as redis,
        rabbitmq(root / "rabbitmq") as rabbit,
        Simulator(options) as site,
    ):
        config = {
            "parser": "ballchasing",
            "shadow": "local",
            "celery": {"broker": redis.url(), "backend": redis.url()},
            "transport": {"url": rabbit.url()},
            "ballchasing": {"url": site.url, "token_file": str(token)},
        }
        service = Deployment(root / "service", config)
        try:
            yield _told(service)
        finally:
            service.close()


def _told(service: Deployment) -> list[Metric]:
    port = free_port()
    service.worker("--http", str(port)).ready()
    key = service.put("one", synthetic_replay(believable_match(seed=1), frames=100))
    service.send(key).get(timeout=90)

    def ask() -> list[Metric]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            found = list(text_string_to_metric_families(answer.read().decode()))
        wanted = {"parsekit_queue_messages", "parsekit_sink_sent", "parsekit_shadow_replays"}
        return found if wanted <= {family.name for family in found} else []

    return poll(ask)


def series(told: list[Metric]) -> list[tuple[str, dict[str, str]]]:
    return [(sample.name, sample.labels) for family in told for sample in family.samples]


def queries() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    board = json.loads((DEPLOY / "grafana" / "parsekit.json").read_text())
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return asked + [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_asks_for_what_is_told(told: list[Metric], query: str) -> None:
    selectors = SELECTOR.findall(query)
    assert selectors
    labels = set(OF_PROMETHEUS)
    for name, matchers in selectors:
        mine = [labels for found, labels in series(told) if found == name]
        assert mine, f"no {name}"
        labels.update(*mine)
        for label, operator, text in MATCHER.findall(matchers):
            values = {each.get(label) for each in mine}
            assert values != {None}, f"{name} has no label {label}"
            if operator == "=":
                assert text in values, f"{name}: {label} is never {text!r}, but {values}"
            if operator in ("=~", "!~") and label == "code":
                assert set(text.split("|")) <= values
    for names in GROUPING.findall(query):
        assert {name.strip() for name in names.split(",")} <= labels


def test_names_follow_the_conventions(told: list[Metric]) -> None:
    for family in told:
        if family.name.startswith("process_"):
            continue
        assert family.name.startswith("parsekit_")
        assert family.documentation.endswith(".")
        assert not family.name.endswith(("_ms", "_kb", "_count"))
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)


def test_no_label_names_a_task_a_replay_or_a_process(told: list[Metric]) -> None:
    allowed = {
        *(
            "outcome",
            "code",
            "parser",
            "stage",
            "le",
            "queue",
            "bulk",
            "server",
            "version",
            "listener",
        ),
        *("fate", "sink", "kind", "reason", "window"),
    }
    used = {name for _, labels in series(told) for name in labels}
    assert used <= allowed
    assert str(os.getpid()) not in {v for _, labels in series(told) for v in labels.values()}


def test_no_plugin_may_tell_what_the_worker_tells_itself(told: list[Metric]) -> None:
    of_plugins = ("parsekit_sink_", "parsekit_audit_", "parsekit_ballchasing_", "process_")
    own = {name for name, _ in series(told) if not name.startswith(of_plugins)}
    assert own == WORKERS_OWN - {"parsekit_stage_duration_seconds"}


def test_every_metric_is_described(told: list[Metric]) -> None:
    page = PAGE.read_text()
    for family in told:
        name = family.name + ("_total" if family.type == "counter" else "")
        if not name.startswith("process_"):
            assert f"`{name}`" in page, f"{PAGE} does not mention {name}"


def test_the_dashboard_has_no_panel_upon_another() -> None:
    board = json.loads((DEPLOY / "grafana" / "parsekit.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
