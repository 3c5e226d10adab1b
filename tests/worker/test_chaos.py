"""A short form of `chaos`, with a new seed each time; the seed is in the message of a failure."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_while_everything_breaks(tmp_path):
    spec = importlib.util.spec_from_file_location("chaos", Path(__file__).with_name("chaos.py"))
    assert spec is not None
    assert spec.loader is not None
    chaos = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = chaos
    spec.loader.exec_module(chaos)
    seed = int(os.environ.get("PARSEKIT_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
    chaos.say(f"PARSEKIT_CHAOS_SEED={seed}")
    wrong, faults = chaos.run(tmp_path, seconds=20, replays=40, seed=seed)
    assert not wrong, f"seed {seed}, {dict(faults)}: {wrong}"
