"""What breaks the contract fails the test that reads it, and one that never looks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import kombu
import pytest

from devkit.production import Mailbox
from devkit.servers.rabbitmq_node import RabbitNode
from parsekit.model import JsonObject

from ..conftest import Service

STEP: JsonObject = {
    "taskId": "one",
    "status": "Pending",
    "progress": {"value": 10, "message": "Task started..."},
}
END: JsonObject = {**STEP, "status": "Complete"}
RESULT = {"parser": "fake", "parserVersion": "1.0", "outputPath": "parsed/one.json", "data": {}}
ODD_EVENT = {"name": "parseReplay", "tags": [], "booleans": [], "ints": [["ms", 1]]}
#: Where an event breaks the contract, and the event.
BROKEN: list[tuple[str, JsonObject]] = [
    ("status", {"kind": "progress", **STEP, "status": "Done"}),
    ("progress/value", {"kind": "progress", **STEP, "progress": {"value": "10", "message": ""}}),
    ("result", {"kind": "progress", **END, "result": {**RESULT, "parserVersion": "newest"}}),
    ("result", {"kind": "progress", **END, "result": {**RESULT, "parser": "ballchasing"}}),
    ("data/ints/0/0", {"kind": "analytics", "pattern": "analytics", "data": ODD_EVENT}),
]

pytestmark = [
    pytest.mark.usefixtures("contract"),
    pytest.mark.parametrize(("where", "event"), BROKEN),
]
Make = Callable[[dict[str, Any]], Service]


def heard(service: Service, event: JsonObject) -> Service:
    (service.remote / "events").write_text(json.dumps(event) + "\n")
    return service


def test_a_service_that_told_it_fails(make_service: Make, where: str, event: JsonObject) -> None:
    read, never_read = (heard(make_service({}), event) for _ in range(2))
    with pytest.raises(ValueError, match=f"^{where}: "):
        read.events()
    with pytest.raises(ValueError, match=f"^{where}: "):
        never_read.close()


def test_a_mailbox_in_which_it_lies_fails(
    rabbitmq: RabbitNode, where: str, event: JsonObject
) -> None:
    box = Mailbox(rabbitmq.url(), f"box-{uuid.uuid4().hex}")
    assert box.look() == []
    message = {name: value for name, value in event.items() if name != "kind"}
    with kombu.Connection(box.url) as connection, connection.Producer() as producer:
        producer.publish(message, routing_key=box.queue, message_id="one")
    with pytest.raises(ValueError, match=f"^{where}: "):
        box.look()
