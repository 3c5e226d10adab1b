"""``scripts/servers.py``: quick when there is a server, frugal, and plain when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from devkit.missing import missing
from devkit.servers.rabbitmq import RabbitServer
from devkit.servers.rabbitmq_node import Installation, find_installation

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "servers.py"


def servers(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_with_a_server_there_is_nothing_to_do(rabbitmq_installed: None) -> None:
    done = servers(path="/nowhere")  # no apt could be found
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_where_no_way_works_it_fails_and_says_what_to_install(tmp_path: Path) -> None:
    done = servers("--without-root", "--target", str(tmp_path / "there"), path=str(tmp_path))
    assert done.returncode == 1
    assert "there is no apt-get" in done.stderr
    assert "install the package rabbitmq-server" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "there").exists()


def test_a_download_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (tools / name).write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
        (tools / name).chmod(0o755)
    target = tmp_path / "cache" / "there"
    done = servers("--without-root", "--target", str(target), path=str(tools))
    assert done.returncode == 1
    assert "apt-get failed: E: no network" in done.stderr
    assert list(target.parent.iterdir()) == []


def test_unpacked_without_root_it_runs_wherever_that_is(tmp_path: Path) -> None:
    target = tmp_path / "folder of my team" / "there"
    done = servers("--without-root", "--target", str(target))
    if "apt-get" in done.stderr:
        missing(f"Debian's packages are out of reach: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    server = RabbitServer(tmp_path / "a node", installation=Installation(target))
    server.start()
    try:
        assert server.ctl("list_queues") == ""
    finally:
        server.stop()
    assert not server.runs


def test_an_unfinished_unpacking_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/rabbitmq/bin").mkdir(parents=True)
    (tmp_path / "usr/lib/rabbitmq/bin/rabbitmq-server").touch()
    assert not Installation(tmp_path).complete
    found = find_installation(tmp_path)
    assert found is None or found.root == Path("/")
