"""The suite that every parser must pass, against the sandbox in real time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parsekit.testing import ParserConformance
from parsekit.testing.servers.valkey import ValkeyServer
from parsekit_ballchasing.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator, SiteOptions


class TestBallchasingParser(ParserConformance):
    parser = "ballchasing"

    @pytest.fixture
    def config(self, redis_server: ValkeyServer, token_file: Path) -> Iterator[dict[str, Any]]:
        options = SiteOptions(tier="gc", pending_s=(0, 0.2), day=-1, week=-1)
        with Simulator(options) as simulator:
            settings = {"url": simulator.url, "token_file": str(token_file)}
            self._expect_quick_parsing(redis_server.url(), settings)
            yield {"celery": {"broker": redis_server.url()}, "ballchasing": settings}

    def _expect_quick_parsing(self, redis_url: str, settings: dict[str, Any]) -> None:
        """Let the workers' books say that replays are ready soon, or each would wait for 30 s."""
        token = BallchasingSettings(**settings).read_token()
        budget = Budget.open(redis_url, settings["url"], token, dict)
        budget.store.change("patience", lambda _: {"first_look_s": 0.3})
        budget.close()
