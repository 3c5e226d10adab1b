"""The suite that every parser must pass, against the sandbox in real time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.valkey import ValkeyServer
from parsekit.testing import ParserConformance
from parsekit_ballchasing.simulator import Simulator, SiteOptions


class TestBallchasingParser(ParserConformance):
    parser = "ballchasing"

    @pytest.fixture
    def config(self, redis_server: ValkeyServer, token_file: Path) -> Iterator[dict[str, Any]]:
        options = SiteOptions(tier="gc", pending_s=(0, 0.2), day=-1, week=-1)
        with Simulator(options) as simulator:
            settings = {"url": simulator.url, "token_file": str(token_file)}
            yield {"celery": {"broker": redis_server.url()}, "ballchasing": settings}
