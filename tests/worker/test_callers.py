"""The callers of docs/service.md, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer

PAGE = (Path(__file__).parents[2] / "docs/service.md").read_text()
SITE_PACKAGES = sysconfig.get_path("purelib")


def block(language: str) -> str:
    """The only block of this language on the page."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture(params=["redis", "rabbitmq"])
def service_of_the_page(
    request: pytest.FixtureRequest,
    make_service: Callable[[dict[str, Any]], Any],
    redis_server: ValkeyServer,
    redis_client: redis.Redis,
) -> Any:
    """A deployment with the queue of the docs, tasks over either broker, results in Redis."""
    broker = redis_server.url()
    if request.param == "rabbitmq":
        rabbit: RabbitNode = request.getfixturevalue("rabbitmq")
        broker = rabbit.add_vhost("callers-of-the-docs", "quorum")
    service = make_service({"celery": {"broker": broker, "backend": redis_server.url()}})
    service.worker().ready()
    service.remote_is(pending_s=0)
    return service


def said(service: Any, command: list[str], key: str, **environ: str) -> list[str]:
    """What a caller prints in one line, word by word."""
    celery = service.config["celery"]
    places = {"BROKER": celery["broker"], "RESULTS": celery["backend"], **environ}
    done = subprocess.run(
        [*command, key],
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_celery_node_hears_of_success_and_failure(service_of_the_page, celery_node, tmp_path):
    script = tmp_path / "caller.js"
    script.write_text(block("js"))
    node, modules = ["node", str(script)], {"NODE_PATH": str(celery_node / "node_modules")}
    good = said(service_of_the_page, node, service_of_the_page.replay("one"), **modules)
    assert good[0] == "fake"
    assert good[1].startswith("parsed/")
    assert "sha256" in "".join(good)
    bad = said(service_of_the_page, node, "replays/none.replay", **modules)
    assert bad[:2] == ["replay_not_found", "false"]


#: How a Python caller may know of parsekit: options of its Python (-S leaves out what a .pth file
#: installs), what it does first, and whose exception it gets then.
KNOWLEDGE = (
    (["-S"], "assert importlib.util.find_spec('parsekit') is None", "celery.exceptions"),
    ([], "assert importlib.util.find_spec('parsekit') is not None", "celery.exceptions"),
    ([], "import parsekit.errors", "parsekit.errors"),
)


def test_python_reads_code_and_retryability_whatever_is_installed(service_of_the_page, tmp_path):
    key = service_of_the_page.replay("one")
    site = {"PYTHONPATH": SITE_PACKAGES, "PYTHONSAFEPATH": "1"}
    script = tmp_path / "caller.py"
    for options, first, raised in KNOWLEDGE:
        script.write_text(f"import importlib.util\n{first}\n{block('python')}")
        python = [sys.executable, *options, str(script)]
        assert said(service_of_the_page, python, key, **site)[0].startswith("parsed/")
        bad = said(service_of_the_page, python, "replays/none.replay", **site)
        assert [bad[0], *bad[-2:]] == [raised, "replay_not_found", "False"]


def test_tasks_that_were_sent_where_nobody_looks_are_named(service_of_the_page):
    """A caller that forgets the queue sends to Celery's own default."""

    def shown() -> list[str]:
        commands = ("doctor",), ("top", "--once")
        return [service_of_the_page.command(*command).stdout for command in commands]

    assert not any("queue celery" in text for text in shown())
    for _ in range(2):
        service_of_the_page.caller.send_task("parseReplay", queue="celery")
    doctor, top = shown()
    assert "queue celery: 2 waiting, and none of our workers takes them" in doctor
    assert "callers of parseReplay name the queue replay-parse" in doctor
    assert "2 messages in a queue celery, which no worker takes" in top
