"""A local parser's secrets are read in a child process: its parent never learns what to mask."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parsekit.errors import ParserFailed
from parsekit.isolation.pool import ChildPool
from parsekit.isolation.wire import Errand
from parsekit.model import Replay
from parsekit.providers import ProviderContext

PLUGINS = Path(__file__).parent / "plugins"


def test_a_child_masks_what_it_has_read_itself(tmp_path: Path) -> None:
    (tmp_path / "a.replay").write_bytes(b"")
    errand = Errand(
        parser="leaky-local",
        create="parsekit_leaky:LeakyLocal",
        context=ProviderContext(),
        replay=Replay(path=tmp_path / "a.replay", name="a", sha256="0" * 64, size_bytes=1),
        task_id="t",
        bulk=False,
        has_fallback=False,
        parse_seconds=30,
        search_path=(str(PLUGINS), *sys.path),
    )
    heard: list[str] = []
    pool = ChildPool(1 << 30)
    try:
        with pytest.raises(ParserFailed) as failed:
            pool.parse(errand, lambda _value, message: heard.append(message))
    finally:
        pool.close()
    assert failed.value.message == "RuntimeError: can't parse with '***'"
    assert heard == ["parsing with ***"]
