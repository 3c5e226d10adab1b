"""What arrives, where, and in which shape, while RabbitMQ is well."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.testing.sinks import (
    FAILURE,
    LONGEST_CALL_S,
    HostedSink,
    believable_body,
    outcome_of,
)
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

from .conftest import Caller, Sinks


def test_progress_and_analytics_arrive_as_the_contract_says(
    sinks: Sinks, caller: Caller, analyst: Caller, recent_body: JsonObject
) -> None:
    caller.declare()
    good = sinks.task(outcome_of("good", data=recent_body), sinks.queue)
    bad = sinks.task(outcome_of("bad", failure=FAILURE), sinks.queue)
    steps, events = caller.read(6), analyst.read(2)
    assert steps == good[:3] + bad[:3]
    assert events == [good[3], bad[3]]
    assert sinks.added_s < LONGEST_CALL_S


def test_every_message_is_utf8_json_of_the_right_durability(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    caller.declare()
    sinks.task(outcome_of("t"), sinks.queue)
    *steps, last = caller.messages(3)
    (event,) = analyst.messages(1)
    for message in (last, event):
        assert message.properties["content_type"] == "application/json"
        assert message.properties["content_encoding"] == "utf-8"
        json.loads(message.body)
    assert [step.properties["delivery_mode"] for step in steps] == [1, 1]
    assert last.properties["delivery_mode"] == 2
    assert last.properties["expiration"] == "600000"
    assert event.properties["delivery_mode"] == 2
    assert event.properties["message_id"] == "event-t"


def test_a_missing_queue_is_declared_as_callers_do(
    sinks: Sinks, broker: RabbitServer, caller: Caller, analyst: Caller
) -> None:
    sinks.task(outcome_of("t"), sinks.queue)
    caller.read(3), analyst.read(1)
    caller.declare(), analyst.declare()  # the same again is no error, other arguments would be
    assert sinks.settle().progress.dropped == {}


def test_a_queue_with_other_arguments_is_used_as_it_is(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    caller.declare(arguments={"x-max-length": 10})
    analyst.declare(arguments={"x-queue-type": "quorum"})
    told = sinks.task(outcome_of("t"), sinks.queue)
    assert caller.read(3) == told[:3]
    assert analyst.read(1) == told[3:]


def test_in_a_vhost_of_quorum_queues_the_bare_declaration_of_callers_fits(
    broker: RabbitServer, tmp_path: Path
) -> None:
    url = broker.add_vhost("quorum", "quorum")
    sinks = Sinks({"transport": {"url": url, "analytics_queue": "analytics"}}, tmp_path)
    told = sinks.task(outcome_of("t"), "mine")
    sinks.settle()  # RabbitMQ 3.10 knows a quorum queue before it can be read
    with closing(sinks), Caller(broker, "mine", vhost="quorum") as caller:
        assert caller.read(3) == told[:3]
        caller.declare()


def test_without_a_queue_nobody_gets_progress(sinks: Sinks, analyst: Caller) -> None:
    sinks.task(outcome_of("t"), None)
    analyst.read(1)
    assert sinks.settle().progress.sent == 0


def test_steps_of_a_task_keep_their_order_among_many(sinks: Sinks, caller: Caller) -> None:
    caller.declare()
    outcomes = [outcome_of(f"task-{number}") for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda outcome: sinks.task(outcome, sinks.queue), outcomes))
    came = caller.read(600)
    for outcome in outcomes:
        values = [m["progress"]["value"] for m in came if m["taskId"] == outcome.task_id]
        assert values == [10, 20, 100]


def test_large_results_arrive_whole(sinks: Sinks, caller: Caller) -> None:
    data = believable_body("🚗" * 300_000)
    sinks.task(outcome_of("large", data=data), sinks.queue)
    assert caller.read(3)[-1]["result"]["data"] == data


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "\0", "\ud800"])
def test_an_unusable_queue_name_costs_only_its_own_progress(
    sinks: Sinks, caller: Caller, analyst: Caller, name: str
) -> None:
    sinks.task(outcome_of("odd"), name)
    sinks.task(outcome_of("plain"), sinks.queue)
    assert len(caller.read(3)) == 3
    assert len(analyst.read(2)) == 2
    assert sinks.settle().progress.dropped == {"bad_queue": 3}


def test_progress_never_goes_to_the_queues_of_the_service(sinks: Sinks, analyst: Caller) -> None:
    ours = ("replay-parse", "replay-parse-poll", "replay-parse-bulk", "replay-parse-bulk-poll")
    for queue in (sinks.name, *ours):
        sinks.task(outcome_of("greedy"), queue)
    analyst.read(5)
    assert sinks.settle().progress.dropped == {"bad_queue": 15}


def test_a_result_that_is_no_json_costs_only_itself(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    sinks.task(outcome_of("odd", data={"speed": float("nan")}), sinks.queue)
    assert [m["status"] for m in caller.read(2)] == ["Pending", "Pending"]
    analyst.read(1)
    assert sinks.settle().progress.dropped == {"not_json": 1}


def test_closing_sends_what_waits_and_leaves_no_spool(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    for number in range(50):
        sinks.task(outcome_of(f"task-{number}"), sinks.queue)
    sinks.close(30)
    assert sinks.spooled == []
    assert len(caller.read(150)) == 150
    assert len(analyst.read(50)) == 50


def test_without_a_url_nothing_happens(tmp_path: Path) -> None:
    plugin = RabbitSinks()
    listener = HostedSink(plugin, {}, tmp_path)
    listener.open()
    listener.task(outcome_of("t"), "queue")
    listener.close()
    assert plugin.snapshot() is None
    assert list((tmp_path / "data").iterdir()) == []


def test_kombu_is_not_imported_before_there_is_something_to_send() -> None:
    code = "import sys, parsekit_sinks_rabbitmq.plugin; sys.exit('kombu' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_doctor_tries_the_broker(sinks: Sinks, broker: RabbitServer) -> None:
    found = {}
    sinks.call(
        "parsekit_register_checks",
        session=sinks.session,
        register=lambda name, check: found.update({name: check}),
    )
    checks = found["rabbitmq"]()
    assert [check.ok for check in checks] == [True, True, True]
    assert "does not exist yet" in checks[1].detail
    assert "guest" not in str(checks)
