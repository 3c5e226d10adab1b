"""Every failure that can be made, and no secret in anything that was written.

Read are: what workers and commands print, `/metrics` and spans, audit, analytics and spools on the
disk, stored results, everything in Redis (results, tracebacks, states of waiting tasks), and every
message that RabbitMQ was sent.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from devkit.deployment import Deployment, WorkerProcess, poll
from devkit.servers.process import free_port
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import valkey
from parsekit.errors import ERRORS
from parsekit_ballchasing.simulator import Simulator, SiteOptions

from .leaks import (
    Collecting,
    Denying,
    Overheard,
    Secrets,
    World,
    codes,
    replay,
    serving,
)

#: Many processes start here one after the other, on a machine that may have two cores.
pytestmark = pytest.mark.timeout(400)

#: What the parser of the tests does with its secret besides raising every published error.
LEAKY_KINDS = {
    "logs": "ok",
    "raises": "parser_failed",
    "cuts": "parser_failed",
    "rejects": "remote_rejected",
    "waits": "remote_rejected",
    "away": "remote_unavailable",
    "warns": "ok",
    "fine": "ok",
}
LOCAL_KINDS = {
    "child": "parser_failed",
    "panics": "poison_replay",
    "hangs": "parser_timeout",
    "hoards": "parser_failed",
    "warns": "ok",
}
BEFORE_ANY_PARSER = ("bad_request", "replay_not_found", "invalid_replay", "replay_too_large")
OF_SERVERS_AND_SETTINGS = ("storage_denied", "unauthorized", "remote_timeout", "config_invalid")
#: Published errors that only the parser of the tests raises here. Their own causes would take
#: hours (quotas, limits), or are no part of a task: a plugin that can't be loaded is named when the
#: worker starts, and what is away is tried for over a minute. No parser sees an expired task.
ONLY_RAISED = {
    "rate_limited", "quota_exhausted", "plugin_failed", "storage_unavailable", "expired"
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "secrets").mkdir()
    secrets = Secrets(tmp_path / "secrets")
    secrets.file("leaky")
    password = secrets.make("broker").replace('"', "").replace("'", "")
    (tmp_path / "valkey").mkdir()
    with valkey(tmp_path / "valkey", "--requirepass", password) as server:
        url = f"redis://:{quote(password, safe='')}@127.0.0.1:{server.port}"
        made = World(tmp_path, secrets, url)
        yield made
        for one in made.made:
            one.close()


def leaky_keys(deployment: Deployment) -> dict[str, str]:
    return {kind: replay(deployment, kind) for kind in (*LEAKY_KINDS, *ERRORS)}


def hostile_keys(deployment: Deployment, secrets: Secrets) -> dict[str, str]:
    """Requests that fail before any parser, by the code with which they do."""
    password = secrets.in_url("caller")
    return {
        "bad_request": f"http://ann:{password}{'x' * 300}@host/a.replay",
        "replay_not_found": "replays/none.replay",
        "invalid_replay": deployment.put("broken", b"no replay"),
        "replay_too_large": deployment.put("large", b"x" * 300_001),
    }


def test_every_published_error_is_raised_and_no_secret_written(world: World) -> None:
    amqp = f"amqp://ann:{world.secrets.in_url('amqp')}@127.0.0.1:{free_port()}/v"
    leaky = world.deployment(
        "leaky", parser="leaky", transport={"url": amqp}, limits={"replay_bytes": 300_000}
    )
    local = world.deployment("local", parser="leaky-local", limits={"parse_seconds": 6})
    metrics = free_port()
    with serving(Collecting) as collector:
        spans = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}
        leaky.environ |= spans
        local.environ |= spans
        workers = [
            leaky.worker("--log-level", "debug", "--concurrency", "8", "--http", str(metrics))
        ]
        workers += [local.worker("--log-level", "debug", "--concurrency", "4")]
        for worker in workers:
            worker.ready()
        ended = codes(leaky, leaky_keys(leaky))
        assert ended == LEAKY_KINDS | {code: code for code in ERRORS}
        refused = codes(leaky, hostile_keys(leaky, world.secrets))
        assert refused == {code: code for code in BEFORE_ANY_PARSER}
        locally = codes(local, {kind: replay(local, kind) for kind in LOCAL_KINDS})
        assert locally == LOCAL_KINDS
        look_while_one_waits(world, leaky, metrics)
        for worker in workers:
            worker.stop()
        world.printed += collector.got
    written = world.written()
    shown = "".join(written.values())
    assert "Traceback" in shown
    assert "leaky.library" in shown
    for sign in ("parsekit_tasks_total{", "*** is slow", "dead-letters", "parsekit.outcome"):
        assert sign in shown
    assert world.leaks() == {}


def look_while_one_waits(world: World, deployment: Deployment, metrics: int) -> None:
    """What operators look at, while a task waits for a reason with a secret; then it is ended."""
    waiting = deployment.send(replay(deployment, "slow"))
    poll(lambda: waiting.state == "WAITING")
    poll(lambda: "is slow" in world.run(deployment, "top", "--format", "json"))
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=20) as answer:
        world.printed.append(answer.read().decode())
    assert "cancelled" in world.run(deployment, "cancel", waiting.id)
    poll(lambda: waiting.state == "REVOKED")
    world.run(deployment, "dead-letters", "list")
    world.run(deployment, "analytics", "summary", "--format", "json")


def test_nothing_that_rabbitmq_is_sent_has_a_secret(world: World, rabbitmq: RabbitNode) -> None:
    password = world.secrets.make("rabbit")
    rabbitmq.add_vhost("leaks")
    url = rabbitmq.add_user("ann", password, "leaks")
    rabbitmq.ctl("trace_on", "-p", "leaks")
    service = world.deployment(
        "rabbit",
        celery={"broker": url, "backend": f"{world.redis_url}/0"},
        parser="leaky",
        transport={"url": url},
    )
    with closing(Overheard(url)) as overheard:
        worker = service.worker("--log-level", "debug", "--concurrency", "8").ready()
        keys = leaky_keys(service)
        ended = codes(service, keys, progressQueue="updates")
        assert ended == LEAKY_KINDS | {code: code for code in ERRORS}
        for queue in ("replay-parse", "updates", "analytics"):
            poll(lambda q=queue: overheard.sent_to(q) >= len(keys))
        worker.stop()
        assert overheard.sent_to("updates") >= 2 * len(keys)
    world.printed += overheard.messages
    assert sum("because of ***" in each for each in overheard.messages) >= len(ERRORS)
    assert world.leaks() == {}


def test_no_refusal_of_a_server_or_a_configuration_writes_a_secret(world: World) -> None:
    secrets = world.secrets
    keys = {"access_key_file": secrets.file("access"), "secret_key_file": secrets.file("s3key")}
    site = secrets.file("site")
    two = secrets.folder / "two"
    two.write_text(secrets.make("two"))
    with (
        serving(Denying) as denying,
        Simulator(SiteOptions(token=secrets.known["site"], pending_s=(900, 900))) as simulator,
    ):
        asked = {
            "storage_denied": {"storage": "minio", "minio": {"hostname": denying.address, **keys}},
            "unauthorized": ballchasing(simulator, secrets.file("stranger")),
            "remote_timeout": ballchasing(simulator, site),
            "config_invalid": ballchasing(simulator, str(two)),
        }
        assert tuple(asked) == OF_SERVERS_AND_SETTINGS
        made = {code: world.deployment(code, **config) for code, config in asked.items()}
        workers = world.workers()
        two.write_text(f"{secrets.known['two']} words")  # no worker would have started with it
        for code, deployment in made.items():
            assert codes(deployment, {code: replay(deployment, code)}) == {code: code}
    for worker in (*workers, wrong_password(world)):
        worker.stop()
    assert "***" in "".join(world.written().values())
    assert world.leaks() == {}


def ballchasing(simulator: Simulator, token_file: str) -> dict[str, object]:
    section = {"url": simulator.url, "token_file": token_file, "deadline": 1}
    return {"parser": "ballchasing", "ballchasing": section}


def test_every_published_error_has_its_own_cause_here_but_a_few() -> None:
    made = {*LEAKY_KINDS.values(), *LOCAL_KINDS.values(), "cancelled"} - {"ok"}
    assert made.union(BEFORE_ANY_PARSER, OF_SERVERS_AND_SETTINGS) == set(ERRORS) - ONLY_RAISED


def test_no_command_writes_a_secret(world: World) -> None:
    with Simulator(SiteOptions(token="another")) as simulator:
        token = world.secrets.file("token")
        refused = world.deployment("refused", **ballchasing(simulator, token))
        run_commands(world, refused, simulator.url)
    shown = "".join(world.printed)
    assert "Traceback" in shown
    assert "error: thread" in shown
    assert "UserWarning: old ***" in shown
    assert world.leaks() == {}


def run_commands(world: World, right: Deployment, url: str) -> None:
    """What people run, with right and with wrong configurations."""
    secrets = world.secrets
    leaky = world.deployment("commands", parser="leaky")
    names = ("raises", "logs", "warns", "cuts")
    replays = [leaky.store / replay(leaky, name) for name in names]
    wrong = world.deployment("misspelt")
    (wrong.folder / "parsekit.json").write_text(
        json.dumps(
            {
                "transport": {"url": f"amqp:/ann:{secrets.make('badurl')}@host"},
                "celery": {"broker": f"redis//:{secrets.make('badbroker')}@host", "brokr": 1},
                "ballchasing": {"token": secrets.make("badtoken")},
                "minio": {"hostname": f"http://ann:{secrets.make('badhost')}@host:9000"},
            }
        )
    )
    private = url.replace("://", f"://ann:{secrets.in_url('apiuser')}@") + "/x.replay"
    for deployment in (leaky, right, wrong):
        for command in (
            ("parse", f"{private}?api_key={secrets.in_url('query')}"),
            ("parse", "-f", "jsonl", private, *replays),
            ("config", "show"),
            ("config", "check"),
            ("doctor",),
            ("health",),
        ):
            world.run(deployment, *command)


def wrong_password(world: World) -> WorkerProcess:
    """A worker that its broker does not let in."""
    secret = world.secrets.in_url("wrong")
    broker = re.sub(r":[^:@]*@", f":{secret}@", world.redis_url)
    wrong = world.deployment("wrong", celery={"broker": broker, "backend": broker})
    worker = wrong.worker("--log-level", "debug")
    poll(lambda: "wrong" in worker.text().lower() or "invalid" in worker.text(), seconds=60)
    return worker
