from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path


def make(deploy: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, deploy / "make_secrets.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_only_their_owner_gets_at_them(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for role in ("worker", "caller"):
        for path in (secrets / role).iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o440


def test_two_deployments_share_nothing(deploy: Path, secrets: Path, tmp_path: Path) -> None:
    assert make(deploy, "--folder", tmp_path / "other").returncode == 0
    for path in (secrets / "worker").iterdir():
        other = (tmp_path / "other/worker" / path.name).read_text()
        assert (other == path.read_text()) == (path.name == "ballchasing_token")


def test_secrets_in_use_are_never_replaced(deploy: Path, tmp_path: Path) -> None:
    assert make(deploy, "--folder", tmp_path / "s").returncode == 0
    before = everything(tmp_path / "s")
    done = make(deploy, "--folder", tmp_path / "s")
    assert done.returncode == 1
    assert "exists" in done.stderr
    assert everything(tmp_path / "s") == before


def test_the_token_is_taken_from_a_file(deploy: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("made-up-token\n")
    folder = tmp_path / "s"
    assert make(deploy, "--folder", folder, "--ballchasing-token", tmp_path / "token").stdout == ""
    assert (folder / "worker/ballchasing_token").read_text() == "made-up-token\n"


def test_a_token_file_that_is_missing_leaves_nothing_behind(deploy: Path, tmp_path: Path) -> None:
    done = make(deploy, "--folder", tmp_path / "s", "--ballchasing-token", tmp_path / "absent")
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert not (tmp_path / "s").exists()


def test_valkey_and_rabbitmq_get_hashes(secrets: Path) -> None:
    password = (secrets / "worker/rabbitmq_password").read_text().strip()
    url = (secrets / "worker/celery_url").read_text()
    servers = everything(secrets / "servers")
    assert password not in servers
    assert url.split(":")[2].split("@")[0] not in servers


def test_nobody_but_the_two_roles_is_known(secrets: Path) -> None:
    rabbitmq = json.loads((secrets / "servers/rabbitmq_definitions.json").read_text())
    seaweedfs = json.loads((secrets / "servers/seaweedfs.json").read_text())
    names = {"parsekit", "caller"}
    assert {user["name"] for user in rabbitmq["users"]} == names
    assert {identity["name"] for identity in seaweedfs["identities"]} == names
    assert not any("Admin" in identity["actions"] for identity in seaweedfs["identities"])
