"""Every outcome of the contract, as a caller in TypeScript and one in Python get it."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from celery.exceptions import TaskRevokedError

from devkit.deployment import poll
from devkit.production import Mailbox
from parsekit.errors import ParsekitError
from parsekit.testing import believable_match, synthetic_replay

#: Each kind of caller, and each kind of task queue.
CALLS = (
    ("redis", "typescript"),
    ("redis", "python"),
    ("rabbitmq-classic", "typescript"),
    ("rabbitmq-quorum", "python"),
)
pytestmark = [
    pytest.mark.parametrize(("any_broker", "caller"), CALLS, indirect=True),
]


@dataclass(frozen=True)
class Answer:
    """``said`` is "SUCCESS", "REVOKED", or the code of the error."""

    said: str
    value: Any
    progress: list[dict[str, Any]]


class Caller(Protocol):
    def call(self, service: Any, path: str, *, cancel: bool = False) -> Answer: ...


@dataclass
class NodeCaller:
    folder: Any
    progress_url: str

    def call(self, service: Any, path: str, *, cancel: bool = False) -> Answer:
        celery = json.loads((service.folder / "parsekit.json").read_text())["celery"]
        kwargs = {"replayObjectPath": path, "progressQueue": f"progress-{uuid.uuid4().hex}"}
        line = ["node", "call.js", celery["broker"], celery["backend"], service.queue]
        with subprocess.Popen(
            [*line, json.dumps(kwargs), "60000", self.progress_url],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            task_id = json.loads(process.stdout.readline())["taskId"]
            if cancel:
                cancel_when_it_waits(service, task_id)
            answer = json.loads(process.stdout.read())
        error = answer.get("error") or {}
        said = error["code"] if "error" in answer else "SUCCESS"
        said = "REVOKED" if said == "cancelled" else said  # celery-node rejects, and tells no state
        return Answer(said, answer.get("value", error.get("message")), answer["progress"])


@dataclass
class PythonCaller:
    progress_url: str

    def call(self, service: Any, path: str, *, cancel: bool = False) -> Answer:
        box = Mailbox(self.progress_url, f"progress-{uuid.uuid4().hex}")
        box.look()
        task = service.send(path, extra={"progressQueue": box.queue})
        if cancel:
            cancel_when_it_waits(service, task.id)
        try:
            said, value = "SUCCESS", task.get(timeout=60)
        except TaskRevokedError as exc:
            said, value = "REVOKED", str(exc)
        except ParsekitError as exc:
            said, value = exc.code, str(exc)
        poll(lambda: any(m["status"] != "Pending" for m in box.look()))
        return Answer(said, value, box.look())


def cancel_when_it_waits(service: Any, task_id: str) -> None:
    poll(lambda: service.progress(task_id))
    command = service.run("cancel", task_id)
    assert command.process.wait(60) == 0, command.text()


@pytest.fixture
def caller(request: pytest.FixtureRequest, rabbitmq: Any) -> Caller:
    url = rabbitmq.url()
    if request.param == "python":
        return PythonCaller(url)
    return NodeCaller(request.getfixturevalue("celery_node"), url)


def ready(service: Any, rabbitmq: Any, **config: Any) -> None:
    transport = {"url": rabbitmq.url(), "analytics_queue": f"analytics-{uuid.uuid4().hex}"}
    service.configure(transport=transport, **config)
    service.worker("--concurrency", "2").ready()


def told(answer: Answer, contract: Any) -> list[str]:
    """The ends that came over progress, each message held against the contract."""
    contract.check("progress", answer.progress)
    values: Mapping[int, float] = dict(enumerate(m["progress"]["value"] for m in answer.progress))
    assert list(values.values()) == sorted(values.values())
    return [m["status"] for m in answer.progress if m["status"] != "Pending"]


def test_what_a_remote_parser_may_lead_to(any_broker, caller, rabbitmq, contract, recent_body):
    ready(any_broker, rabbitmq, answer_as="ballchasing")
    any_broker.remote_is(pending_s=1, body=json.dumps(recent_body))
    parsed = caller.call(any_broker, any_broker.replay("one"))
    stored = caller.call(any_broker, "replays/one.replay")
    assert (parsed.said, parsed.value["cached"]) == ("SUCCESS", False)
    assert (stored.said, stored.value["cached"]) == ("SUCCESS", True)
    assert parsed.value["data"] == stored.value["data"] == recent_body
    contract.check("result", [parsed.value, stored.value])
    assert told(parsed, contract) == told(stored, contract) == ["Complete"]

    any_broker.remote_is(pending_s=10)  # over RabbitMQ a task that waits ends at its next hop
    revoked = caller.call(any_broker, any_broker.replay("two", seed=2), cancel=True)
    assert (revoked.said, told(revoked, contract)) == ("REVOKED", ["Error"])

    any_broker.remote_is(pending_s=2, deadline_s=1)
    late = caller.call(any_broker, any_broker.replay("three", seed=3))
    assert (late.said, told(late, contract)) == ("remote_timeout", ["Error"])

    any_broker.remote_is(reject=1)
    refused = caller.call(any_broker, any_broker.replay("four", seed=4))
    assert (refused.said, told(refused, contract)) == ("remote_rejected", ["Error"])
    assert "does not like" in refused.value


def test_what_callers_files_and_local_parsers_may_lead_to(any_broker, caller, rabbitmq, contract):
    ready(any_broker, rabbitmq, parser="fragile", answer_as="ballchasing")
    whole = synthetic_replay(believable_match(seed=1), frames=0)
    paths = {
        "bad_request": "../x",
        "replay_not_found": "replays/nobody.replay",
        "invalid_replay": any_broker.put("damaged", whole[: len(whole) // 2]),
        "poison_replay": any_broker.put("crash", whole),
    }
    for code, path in paths.items():
        answer = caller.call(any_broker, path)
        assert (answer.said, told(answer, contract)) == (code, ["Error"])
