"""The pytest plugin that parsekit installs: asserts in the conformance kits explain themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "parsekit.testing.parser", "parsekit.testing.sinks", "parsekit.testing.storage"
)


@pytest.fixture
def synthetic_replay_file(tmp_path: Path) -> Path:
    """A whole replay of an invented match, for tests of plugins."""
    from parsekit.testing.replays.file import write_replay  # noqa: PLC0415  (few tests need it)

    return write_replay(tmp_path / "synthetic.replay")
