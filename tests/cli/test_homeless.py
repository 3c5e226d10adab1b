"""A user without a home and without a name, as in a container or with systemd's DynamicUser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devkit.command_line import PARSEKIT, CommandLine
from devkit.missing import missing

#: A user whom no passwd names; whose files are ours all the same.
NOBODY = ("unshare", "--user", "--map-user=61234", "--map-group=61234")


@pytest.fixture(scope="module", autouse=True)
def _users_can_be_mapped() -> None:
    try:
        done = subprocess.run([*NOBODY, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        missing("no unshare here")
    if done.returncode:
        missing(f"no user without a name here: {done.stderr.decode().strip()}")


def run(cli: CommandLine, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = cli.environ(**more)
    del environ["HOME"]
    command = [*NOBODY, *PARSEKIT, *arguments]
    return subprocess.run(
        command, cwd=cli.folder, env=environ, capture_output=True, text=True, check=False
    )


def test_a_replay_is_parsed(cli: CommandLine, replays) -> None:
    replays("a")
    done = run(cli, "parse", "a.replay", XDG_DATA_HOME=str(cli.home))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("a\n")


def test_a_data_folder_has_to_be_named(cli: CommandLine, replays) -> None:
    replays("a")
    for arguments in (("parse", "a.replay"), ("health", "--live")):
        done = run(cli, *arguments)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "this user has no home: set HOME or XDG_DATA_HOME" in line


@pytest.mark.parametrize("key", ["provenance.key_file", "celery.ca_file", "folder.path"])
def test_a_path_below_a_home_is_a_mistake_of_the_configuration(
    cli: CommandLine, replays, key: str
) -> None:
    replays("a")
    variable = "PARSEKIT__" + key.upper().replace(".", "__")
    environ = {variable: "~/there", "XDG_DATA_HOME": str(cli.home)}
    done = run(cli, "parse", "a.replay", **environ)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {variable}: {key}: names a path below a home, and this user has none; "
        "write the whole path\n"
    )


def test_its_folders_are_looked_at(cli: CommandLine, tmp_path: Path) -> None:
    done = run(cli, "doctor", "--security", XDG_DATA_HOME=str(tmp_path))
    assert "home directory" not in done.stdout + done.stderr
