import json
from pathlib import Path

import pytest
from ticker import Ticker

from parsekit.testing import SinkConformance


class TestTicker(SinkConformance):
    @pytest.fixture
    def sink(self):
        return Ticker()

    @pytest.fixture
    def config(self, tmp_path: Path):
        return {"ticker": {"path": str(tmp_path / "ticks.jsonl")}}

    @pytest.fixture
    def delivered(self, tmp_path: Path):
        ticks = tmp_path / "ticks.jsonl"
        return lambda: [json.loads(line) for line in ticks.read_text().splitlines()]
