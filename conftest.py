"""Fixtures for every test of the repository, the plugins' among them."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from parsekit.logs import redaction
from parsekit.testing.contract import Contract
from parsekit.testing.production import Mailbox

pytest_plugins = ["parsekit.testing.fixtures"]

ROOT = Path(__file__).parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Undo what a shell does to what it runs in its background, where nobody presses Ctrl-C.

    What is ignored here would stay so in every command that a test starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test's secret, "xxxxxx" perhaps, be masked in what later tests read."""
    for name in ("_known", "_beginnings"):
        monkeypatch.setattr(redaction, name, vars(redaction)[name])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real replays and contracts beside the project; never optional in CI."""
    if not SHARED.is_dir():
        message = f"no real replays: {SHARED} is absent"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    """What callers of the service read messages with."""
    return Contract(shared / "contract")


@pytest.fixture(scope="session", autouse=True)
def agreed() -> Contract | None:
    """The contract, against which all that tests read is held; none where that is optional.

    Not `contract`, which would skip the tests that need no folder beside the project.
    """
    if (SHARED / "contract").is_dir():
        Mailbox.contract = Contract(SHARED / "contract")
    elif os.environ.get("CI"):
        pytest.fail(f"no contract: {SHARED} is absent or incomplete")
    return Mailbox.contract


@pytest.fixture(scope="session")
def celery_node() -> Path:
    """The folder of the caller in TypeScript, with celery-node from npm, installed once."""
    folder, npm = ROOT / "tests/worker/node", shutil.which("npm")
    if npm is None:
        message = "npm is missing"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache/npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "node_modules/.package-lock.json").is_file():
            command = [npm, "ci", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder
