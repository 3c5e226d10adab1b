from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.testing import SinkConformance
from parsekit.testing.sinks import Delivered
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

from .conftest import Caller


class TestRabbitSinks(SinkConformance):
    @pytest.fixture
    def sink(self) -> RabbitSinks:
        return RabbitSinks()

    @pytest.fixture
    def config(self, transport: JsonObject) -> JsonObject:
        return {"transport": transport}

    @pytest.fixture
    def delivered(self, broker: RabbitServer, transport: JsonObject) -> Iterator[Delivered]:
        with (
            Caller(broker, "conformance") as caller,
            Caller(broker, transport["analytics_queue"]) as analyst,
        ):
            if caller.exists():
                caller.delete()
            yield lambda: caller.messages_now() + analyst.messages_now()
