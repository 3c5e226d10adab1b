"""Bodies of real and synthetic replays, parsed once for all tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from parsekit import Job, JsonObject, Parsed, ProviderContext, Replay
from parsekit_local.parser import LocalParser

Parse = Callable[..., Parsed]


def _parse(path: Path, job: Job | None = None) -> Parsed:
    content = path.read_bytes()
    replay = Replay(
        path=path,
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    return LocalParser(ProviderContext()).parse(replay, job or Job(task_id="test"))


@pytest.fixture(scope="session")
def parse() -> Parse:
    """Parse one file as the host's child process would."""
    return _parse


@pytest.fixture(scope="session")
def good_replays(shared: Path) -> list[Path]:
    """Every real replay that a full parser accepts, of 2015 to 2026."""
    return sorted((shared / "replays" / "good").glob("*.replay"))


@pytest.fixture(scope="session")
def good(good_replays: list[Path]) -> dict[str, Parsed]:
    """What the parser says of each of them, by the file's stem."""
    return {path.stem: _parse(path) for path in good_replays}


@pytest.fixture(scope="session")
def bodies(good: dict[str, Parsed]) -> dict[str, JsonObject]:
    """The bodies alone."""
    return {stem: parsed.data for stem, parsed in good.items()}


@pytest.fixture(scope="session")
def samples(shared: Path) -> dict[str, JsonObject]:
    """Ballchasing's own bodies of three of these replays."""
    suffix = ".ballchasing.json"
    return {
        path.name.removesuffix(suffix): json.loads(path.read_text())
        for path in sorted((shared / "ballchasing" / "samples").glob(f"*{suffix}"))
    }
