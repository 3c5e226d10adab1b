"""Every alert, made to fire and to clear by promtool, with the rules as they are deployed.

And the queries of the dashboard, which promtool reads as rules.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit.missing import missing
from devkit.servers.promtool import Promtool, find_promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
BOARD = ROOT / "deploy" / "grafana" / "parsekit.json"
PAGE = ROOT / "docs" / "metrics.md"
WELL = {'parsekit_build_info{version="1"}': "1+0x200"}
TASKS = "parsekit_tasks_total"
STAGE = "parsekit_stage_duration_seconds_bucket"
LEFT, USED = "parsekit_ballchasing_uploads_left", "parsekit_ballchasing_uploads_used"
BREAKER = "parsekit_ballchasing_breaker_open"
STARTED, TAKEN = "process_start_time_seconds", "parsekit_queue_taken_total"
OLDEST, MESSAGES = "parsekit_queue_oldest_seconds", "parsekit_queue_messages"
RUN, LIMIT = "parsekit_longest_run_seconds", "parsekit_run_limit_seconds"


@dataclass(frozen=True)
class Story:
    """Values a minute of some series; trouble begins at minute 10 and ends at minute 40.

    What must not fire stands beside what must: in each story one alert fires, and no other.
    """

    series: dict[str, str]
    quiet: int = 9
    fires: int = 39
    clears: int = 75


def trouble(bad: float, good: float = 0) -> str:
    return f"{good}+0x9 {bad}+0x29 {good}+0x80"


def losing() -> str:
    """A counter that grows only while there is trouble."""
    return "0+0x9 1+1x29 30+0x80"


def starts(at: int, *, every: int, until: int, ends: int = 120) -> str:
    """When the process of one address started, that is started anew between two minutes."""
    times = [f"{100}+0x{at - 1}", *(f"{200 + n}+0x{every - 1}" for n in range(at, until, every))]
    return " ".join([*times, f"900+0x{ends - until}"])


#: An alert, and which of its causes where it has several.
STORIES = {
    "ParsekitNoWorker": Story({"parsekit_build_info": "1+0x9 _x30 1+0x80"}),
    "ParsekitWorkerRestarts": Story(
        {
            'parsekit_build_info{job="parsekit",instance="a"}': f"1+0x10 {'stale 1 1 ' * 10}1+0x80",
            f'{STARTED}{{job="parsekit",instance="a"}}': starts(10, every=5, until=40),
            # A roll-out, whose pods begin one after the other, and somebody else's crash loop.
            **{
                f'{name}{{job="parsekit",instance="pod{n}"}}': f"_x{n} {value}+0x9"
                for n in range(8)
                for name, value in (("parsekit_build_info", 1), (STARTED, 300 + n))
            },
            f'{STARTED}{{job="other",instance="a"}}': "0+60x120",
        },
        fires=38,  # it is down just then
    ),
    "ParsekitServerAway": Story(
        {
            'parsekit_server_up{server="broker",instance="a"}': "1+0x120",
            'parsekit_server_up{server="broker",instance="b"}': trouble(0, 1),
        }
    ),
    "ParsekitRedisFills": Story(
        {
            'parsekit_redis_used_bytes{server="results",instance="a"}': trouble(85, 50),
            'parsekit_redis_limit_bytes{server="results",instance="a"}': "100+0x120",
            'parsekit_redis_used_bytes{server="broker",instance="a"}': "85+0x120",
            'parsekit_redis_limit_bytes{server="broker",instance="a"}': "0+0x120",
        }
    ),
    "ParsekitQueueOld": Story(
        {
            # Each worker tells what it knows: less where it started late, not a part of the whole.
            f'{OLDEST}{{queue="replay-parse",bulk="false",instance="a"}}': trouble(400, 200),
            f'{OLDEST}{{queue="replay-parse",bulk="false",instance="b"}}': trouble(380, 200),
            f'{OLDEST}{{queue="replay-parse",bulk="false",instance="new"}}': "_x20 0+0x100",
            f'{OLDEST}{{queue="replay-parse-bulk",bulk="true"}}': "9999+0x120",
            f'{OLDEST}{{queue="replay-parse-bulk-poll",bulk="true"}}': "9999+0x120",
            f'{OLDEST}{{queue="backfill",bulk="true"}}': "9999+0x120",
        }
    ),
    "ParsekitQueueOld, whatever it is called": Story(
        {f'{OLDEST}{{queue="for-bulk",bulk="false"}}': trouble(400)}
    ),
    "ParsekitBackfillStuck": Story(
        {
            f'{MESSAGES}{{queue="replay-parse-bulk",bulk="true",instance="a"}}': "500+0x200",
            f'{MESSAGES}{{queue="replay-parse-bulk",bulk="true",instance="b"}}': "500+0x200",
            f'{TAKEN}{{queue="replay-parse-bulk",instance="a"}}': "0+9x9 81+0x109 90+9x80",
            f'{TAKEN}{{queue="replay-parse-bulk",instance="b"}}': "0+0x200",
            f'{MESSAGES}{{queue="empty-bulk",bulk="true"}}': "0+0x200",
            f'{TAKEN}{{queue="empty-bulk"}}': "0+0x200",
            f'{MESSAGES}{{queue="slow-bulk",bulk="true"}}': "5+0x200",
            f'{TAKEN}{{queue="slow-bulk"}}': " ".join(f"{n}+0x39" for n in range(5)),
            f'{MESSAGES}{{queue="for-bulk",bulk="false"}}': "500+0x200",
        },
        fires=115,
        clears=135,
    ),
    **{
        f"ParsekitBackfillStuck, {what}": Story(
            {
                f'{MESSAGES}{{queue="{queue}",bulk="true"}}': "500+0x200",
                f'{TAKEN}{{queue="{queue}"}}': "0+9x9 81+0x109 90+9x80",
            },
            fires=115,
            clears=135,
        )
        for what, queue in (
            ("where its tasks go on", "replay-parse-bulk-poll"),
            ("under a name of its own", "backfill"),
        )
    },
    "ParsekitRunHangs": Story(
        {
            # Restarted at its limit each time, to hang again.
            f'{RUN}{{instance="a"}}': "0+10x9 " + "0+60x7 " * 4 + "0+5x80",
            f'{LIMIT}{{instance="a"}}': "420+0x120",
            f'{RUN}{{instance="patient"}}': "3000+0x120",
            f'{LIMIT}{{instance="patient"}}': "3900+0x120",
        }
    ),
    "ParsekitTasksFail": Story(
        {
            f'{TASKS}{{outcome="failed",code="storage_unavailable"}}': "0+0x9 10+10x29 300+0x80",
            f'{TASKS}{{outcome="failed",code="invalid_replay"}}': "0+50x120",
            f'{TASKS}{{outcome="parsed",code=""}}': "0+90x120",
        }
    ),
    "ParsekitTasksFail, where few come and two may fail": Story(
        {
            f'{TASKS}{{outcome="failed",code="storage_unavailable"}}': "0 0 1 2+0x7 3+1x5 8+0x100",
            f'{TASKS}{{outcome="parsed",code=""}}': "0+0x2 1+0x120",
        },
        fires=18,
        clears=60,
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
    "ParsekitSinkBehind, in memory": Story(
        # As full as the memory of one process may be. Before and after, three of them are busy.
        {
            'parsekit_sink_waiting_messages{sink="rabbitmq",instance="a"}': trouble(1000, 20),
            'parsekit_sink_waiting_messages{sink="rabbitmq",instance="b"}': trouble(0, 300),
            'parsekit_sink_waiting_messages{sink="rabbitmq",instance="c"}': trouble(0, 300),
        }
    ),
    "ParsekitAuditLoses": Story({'parsekit_audit_lost_total{instance="a"}': losing()}),
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
def promtool() -> Promtool:
    found = find_promtool()
    if found is None:
        missing("no promtool: run scripts/promtool.py")
    return Promtool(found)


def alerts() -> list[str]:
    document = yaml.safe_load(RULES.read_text())
    return [rule["alert"] for group in document["groups"] for rule in group["rules"]]


def alert_of(story: str) -> str:
    return story.partition(",")[0]


def firing(minute: int, *names: str) -> dict[str, Any]:
    return {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
    }


def story_test(story: Story, alert: str) -> dict[str, Any]:
    told = any(name.startswith("parsekit_build_info") for name in story.series)
    series = story.series if told else {**WELL, **story.series}
    return {
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


@pytest.mark.parametrize("name", STORIES)
def test_fires_alone_and_clears(promtool: Promtool, tmp_path: Path, name: str) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(yaml.safe_dump(story_test(STORIES[name], alert_of(name))))
    done = promtool.test_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_story_and_every_story_an_alert() -> None:
    assert set(map(alert_of, STORIES)) == set(alerts())


@pytest.mark.parametrize("alert", alerts())
def test_the_page_says_what_to_do(alert: str) -> None:
    assert f"\n| `{alert}` | " in PAGE.read_text()


def test_the_rules_are_valid(promtool: Promtool) -> None:
    done = promtool.check_rules(RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def queries_of_the_board() -> dict[str, str]:
    """Name of each query to what Prometheus gets when Grafana has put its variable in."""
    panels = json.loads(BOARD.read_text())["panels"]
    return {
        f"panel_{panel['id']}_{target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in panels
        for target in panel.get("targets", ())
    }


def test_the_queries_of_the_dashboard_are_valid(promtool: Promtool, tmp_path: Path) -> None:
    queries = queries_of_the_board()
    assert not [query for query in queries.values() if "$" in query], "an unknown variable"
    rules = [{"record": name, "expr": query} for name, query in queries.items()]
    file = tmp_path / "board.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = promtool.check_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout
