"""Folders of living processes stay; those of dead ones go, whoever has their process id by now."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from parsekit.storage.workspace import sweep, workspace

MADE_AND_KILLED = """
import os, signal
from parsekit.storage.workspace import workspace
with workspace():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where workspaces are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def left(temporary: Path) -> Path:
    """What a killed process left."""
    environ = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", MADE_AND_KILLED], check=False, env=environ)
    [folder] = temporary.iterdir()
    (folder / "a.replay").write_bytes(b"replay")
    return folder


def with_pid(folder: Path, pid: int) -> Path:
    word, _, rest = folder.name.split("-", 2)
    return folder.rename(folder.with_name(f"{word}-{pid}-{rest}"))


def test_a_folder_is_there_for_the_length_of_the_block() -> None:
    with workspace() as folder:
        sweep()
        assert folder.is_dir()
    assert not folder.exists()


def test_a_folder_of_another_living_process_stays(temporary: Path) -> None:
    program = (
        "from parsekit.storage.workspace import workspace\nwith workspace() as w: print(w); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-uc", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        sweep()
        assert folder.is_dir()
        other.communicate("\n")


def test_a_folder_of_a_process_that_is_gone_is_removed(left: Path) -> None:
    sweep()
    assert not left.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")
def test_a_folder_is_removed_whose_process_id_is_another_processs_now(left: Path) -> None:
    """In a container every worker is process 1."""
    reused = with_pid(left, os.getpid())
    with workspace() as own:
        sweep()
        assert not reused.exists()
        assert own.is_dir()


def test_a_folder_whose_name_tells_no_start_is_judged_by_the_process_id(temporary: Path) -> None:
    """An older version made it, or a system without /proc."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    living = temporary / f"parsekit-{os.getpid()}-abc_1234"
    dead = temporary / f"parsekit-{gone.pid}-abc_1234"
    living.mkdir()
    dead.mkdir()
    sweep()
    assert living.is_dir()
    assert not dead.exists()


def test_a_process_whose_start_nobody_tells_is_judged_by_its_id(
    left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reused = with_pid(left, os.getpid())
    monkeypatch.setattr("parsekit.storage.workspace._started", lambda _: None)
    sweep()
    assert reused.is_dir()


def test_what_only_looks_like_ours_stays(temporary: Path) -> None:
    others = [temporary / name for name in ("parsekit-embedded-1-ab", "parsekit-x", "other-1-ab")]
    for folder in others:
        folder.mkdir()
    sweep()
    assert all(folder.is_dir() for folder in others)
