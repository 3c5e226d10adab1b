"""Every alert, made to fire and to clear by promtool, with the rules as they are deployed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from parsekit.testing.servers.promtool import find_promtool

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
WELL = {'parsekit_build_info{version="1"}': "1+0x120"}
TASKS = "parsekit_tasks_total"
STAGE = "parsekit_stage_duration_seconds_bucket"
LEFT, USED = "parsekit_ballchasing_uploads_left", "parsekit_ballchasing_uploads_used"
BREAKER = "parsekit_ballchasing_breaker_open"


@dataclass(frozen=True)
class Story:
    """Values a minute of some series; trouble begins at minute 10 and ends at minute 40."""

    series: dict[str, str]
    quiet: int = 9
    fires: int = 39
    clears: int = 75


def trouble(bad: float, good: float = 0) -> str:
    return f"{good}+0x9 {bad}+0x29 {good}+0x80"


def losing() -> str:
    """A counter that grows only while there is trouble."""
    return "0+0x9 1+1x29 30+0x80"


STORIES = {
    "ParsekitNoWorker": Story({"parsekit_build_info": "1+0x9 _x30 1+0x80"}),
    "ParsekitServerAway": Story(
        {
            'parsekit_server_up{server="broker",instance="a"}': "1+0x120",
            'parsekit_server_up{server="broker",instance="b"}': trouble(0, 1),
        }
    ),
    "ParsekitQueueOld": Story(
        {
            'parsekit_queue_oldest_seconds{queue="replay-parse"}': trouble(400),
            'parsekit_queue_oldest_seconds{queue="replay-parse-bulk"}': "9999+0x120",
        }
    ),
    "ParsekitRunHangs": Story({"parsekit_longest_run_seconds": trouble(700)}),
    "ParsekitTasksFail": Story(
        {
            f'{TASKS}{{outcome="failed",code="storage_unavailable"}}': "0+0x9 10+10x29 300+0x80",
            f'{TASKS}{{outcome="failed",code="invalid_replay"}}': "0+50x120",
            f'{TASKS}{{outcome="parsed",code=""}}': "0+90x120",
        }
    ),
    "ParsekitTasksSlow": Story(
        {
            f'{STAGE}{{stage="total",le="300.0"}}': "0+10x9 90+0x29 100+10x80",
            f'{STAGE}{{stage="total",le="600.0"}}': "0+10x120",
            f'{STAGE}{{stage="total",le="+Inf"}}': "0+10x120",
        }
    ),
    "ParsekitDeadLetters": Story({"parsekit_dead_letters": trouble(2)}),
    "ParsekitSinkBehind": Story(
        {'parsekit_sink_spooled_bytes{sink="rabbitmq"}': trouble(20_000_000)}
    ),
    "ParsekitSinkLoses": Story(
        {
            'parsekit_sink_lost_total{sink="rabbitmq",reason="buffer_full"}': losing(),
            'parsekit_sink_lost_total{sink="rabbitmq",reason="bad_queue"}': "0+1x120",
        }
    ),
    "ParsekitListenerLoses": Story(
        {'parsekit_listener_lost_events_total{listener="slow"}': losing()}
    ),
    "ParsekitTokenRefused": Story({f'{BREAKER}{{reason="unauthorized"}}': trouble(1)}),
    "ParsekitBallchasingDown": Story(
        # The breaker lets one call try every half minute: it is not open at every look.
        {f'{BREAKER}{{reason="remote_unavailable"}}': "0+0x9 " + "1 0 " * 15 + "0+0x80"}
    ),
    "ParsekitQuotaLow": Story(
        {
            f'{LEFT}{{window="24h"}}': trouble(5, 60),
            f'{USED}{{window="24h"}}': trouble(95, 40),
        }
    ),
}


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find_promtool()
    if found is None:
        message = "no promtool: run scripts/promtool.py"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


def alerts() -> list[str]:
    document = yaml.safe_load(RULES.read_text())
    return [rule["alert"] for group in document["groups"] for rule in group["rules"]]


def firing(minute: int, *names: str) -> dict[str, Any]:
    return {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
    }


def told(promtool: Path, tmp_path: Path, alert: str) -> subprocess.CompletedProcess[str]:
    story = STORIES[alert]
    series = {**({} if "parsekit_build_info" in story.series else WELL), **story.series}
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": n, "values": v} for n, v in series.items()],
                "promql_expr_test": [
                    firing(story.quiet),
                    firing(story.fires, alert),
                    firing(story.clears),
                ],
            }
        ],
    }
    file = tmp_path / "story.yaml"
    file.write_text(yaml.safe_dump(document))
    return subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("alert", alerts())
def test_fires_alone_and_clears(promtool: Path, tmp_path: Path, alert: str) -> None:
    done = told(promtool, tmp_path, alert)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_story_is_of_an_alert() -> None:
    assert set(STORIES) == set(alerts())


def test_the_rules_are_valid(promtool: Path) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
