"""Fixtures for every test of the repository, the plugins' among them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from devkit import npm
from devkit.command_line import CommandLine
from devkit.contract import Contract
from devkit.deployment import Deployment, WorkerProcess
from devkit.production import Mailbox, Production
from devkit.servers.process import free_port
from devkit.servers.rabbitmq import RabbitServer
from devkit.servers.seaweedfs import SeaweedServer
from devkit.servers.valkey import ValkeyServer
from devkit.terminal import Terminal
from devkit.warm_start import popen, run
from parsekit.redaction import secrets

pytest_plugins = ["devkit.fixtures"]

ROOT = Path(__file__).parent
SHARED = ROOT.parent / "shared"

# A machine that is new, or busy, makes examples slowly, which is no fault of what is tested.
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")

#: What starts processes, besides the functions of `devkit.servers`.
STARTERS = (
    *(Deployment, Production, RabbitServer, SeaweedServer, ValkeyServer, WorkerProcess),
    *(CommandLine, Terminal, popen, run, subprocess),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with `processes` that starts one, itself or in a fixture.

    Where tests run in several processes, files with the most of those come first: nobody shall
    begin a long file when the others have ended theirs.
    """
    for item in items:
        if isinstance(item, pytest.Function):
            found = item._fixtureinfo.name2fixturedefs  # noqa: SLF001  (pytest has no public way)
            fixtures = [each.func for name in item.fixturenames for each in found.get(name, ())]
            if any(map(_starts_processes, (item.function, *fixtures))):
                item.add_marker("processes")
    if "PYTEST_XDIST_WORKER" in os.environ:
        marked = Counter(each.path for each in items if each.get_closest_marker("processes"))
        items.sort(key=lambda each: -marked[each.path])


@cache
def _starts_processes(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    if code is None or not code.co_filename.startswith(str(ROOT)) or ".venv" in code.co_filename:
        return False
    used = [function.__globals__.get(name) for name in code.co_names]
    return "getfixturevalue" in code.co_names or any(
        any(each is starter for starter in STARTERS)
        or (callable(each) and getattr(each, "__module__", "").startswith("devkit.servers"))
        for each in used
        if each is not free_port
    )


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Undo what a shell does to what it runs in its background, where nobody presses Ctrl-C.

    What is ignored here would stay so in every command that a test starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the configuration of who runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("PARSEKIT_CONFIG", raising=False)
        yield


@pytest.fixture(autouse=True)
def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test's secret, "xxxxxx" perhaps, be masked in what later tests read."""
    for name in ("_known", "_beginnings"):
        monkeypatch.setattr(secrets, name, vars(secrets)[name])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real replays beside the project; never optional in CI."""
    if not SHARED.is_dir():
        message = f"no real replays: {SHARED} is absent"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


def _indexed(shared: Path, kind: str) -> dict[str, dict[str, Any]]:
    """What the index of real replays says of each of this kind; files it does not name are others'.

    By the stem of the file.
    """
    index = json.loads((shared / "replays" / "index.json").read_text())
    named = ((Path(each["file"]), each) for each in index["replays"])
    return {path.stem: each for path, each in sorted(named) if path.parent.name == kind}


def _paths(shared: Path, kind: str) -> list[Path]:
    return [shared / "replays" / each["file"] for each in _indexed(shared, kind).values()]


@pytest.fixture(scope="session")
def good_replays(shared: Path) -> list[Path]:
    """Every real replay that a full parser accepts, of 2015 to 2026, in the order of names."""
    return _paths(shared, "good")


@pytest.fixture(scope="session")
def bad_replays(shared: Path) -> list[Path]:
    """Every real replay that is damaged, in the order of names."""
    return _paths(shared, "bad")


@pytest.fixture(scope="session")
def samples(shared: Path) -> dict[str, Any]:
    """Ballchasing's own bodies of some good replays, by the stem of the replay's file."""
    return {
        stem: json.loads((shared / "replays" / each["ballchasing"]).read_text())
        for stem, each in _indexed(shared, "good").items()
        if each["ballchasing"]
    }


@pytest.fixture(scope="session")
def recent_body(samples: dict[str, Any]) -> dict[str, Any]:
    """One of Ballchasing's bodies that the schemas of callers know: old ones lack accounts."""
    return next(body for stem, body in samples.items() if stem.startswith("recent"))


@pytest.fixture(scope="session", autouse=True)
def contract() -> Contract:
    """What callers of the service read with; all that tests read is held against it."""
    Mailbox.contract = Contract(ROOT / "contract")
    return Mailbox.contract


@pytest.fixture(scope="session")
def celery_node() -> Path:
    """The folder of the caller in TypeScript, with celery-node from npm, installed once."""
    return npm.installed(ROOT / "tests/worker/node").parent
