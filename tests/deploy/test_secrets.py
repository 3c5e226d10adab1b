from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from parsekit.storage.signing import MIN_KEY_BYTES

from .shipped import strict

SERVERS = ("valkey", "rabbitmq", "seaweedfs")


def make(deploy: Path, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, deploy / "make_secrets.py", *arguments]
    whole = {**os.environ, **environ}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=whole)


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_only_their_owner_gets_at_them(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for role in ("worker", "caller"):
        for path in (secrets / role).iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o440
    for path in (secrets / "authority").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o400


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


def shake_hands(certificate: Path, key: Path, ca_file: Path, name: str) -> None:
    """Of a server and a strict client, in memory. Raises `ssl.SSLError`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = strict(ca_file).wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    for side in (ours, theirs, ours, theirs):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_trusted_under_its_names_by_the_strictest(secrets: Path, server: str) -> None:
    pair = (secrets / f"servers/{server}.pem", secrets / f"servers/{server}.key")
    for role in ("worker", "caller"):
        for name in (server, "localhost", "127.0.0.1", "::1"):
            shake_hands(*pair, secrets / role / "ca.pem", name)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            shake_hands(*pair, secrets / role / "ca.pem", "elsewhere")


def test_nobody_is_trusted_for_a_certificate_of_another_deployment(
    secrets: Path, secrets_of_others: Path
) -> None:
    pair = (secrets_of_others / f"servers/valkey.{end}" for end in ("pem", "key"))
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shake_hands(*pair, secrets / "worker/ca.pem", "valkey")


def test_the_key_of_provenance_is_long_enough_and_workers_have_it_alone(secrets: Path) -> None:
    key = (secrets / "worker/provenance_key").read_text().strip()
    assert len(key) >= MIN_KEY_BYTES
    assert everything(secrets).count(key) == 1


def test_certificates_are_renewed_and_nothing_else(deploy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    assert make(deploy, "--folder", folder).returncode == 0
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    done = make(deploy, "--folder", folder, "--renew")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    renewed = {folder / f"servers/{server}.pem" for server in SERVERS}
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == renewed
    for path in renewed:
        shake_hands(path, path.with_suffix(".key"), folder / "worker/ca.pem", path.stem)
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_an_authority_that_was_put_away_is_asked_for(deploy: Path, tmp_path: Path) -> None:
    assert make(deploy, "--folder", tmp_path / "s").returncode == 0
    (tmp_path / "s/authority").rename(tmp_path / "away")
    before = everything(tmp_path / "s")
    done = make(deploy, "--folder", tmp_path / "s", "--renew")
    assert done.returncode == 1
    assert "authority has no key to sign with; put it back" in done.stderr
    assert everything(tmp_path / "s") == before


def test_without_openssl_it_says_what_to_install(deploy: Path, tmp_path: Path) -> None:
    done = make(deploy, "--folder", tmp_path / "s", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "no command openssl" in done.stderr
    assert "apt-get install openssl" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("calls", [1, 2, 4, 9])
def test_an_openssl_that_fails_on_the_way_leaves_nothing_behind(
    deploy: Path, tmp_path: Path, calls: int
) -> None:
    """Ten calls are made; after so many this one says that the disk is full."""
    programs, place = tmp_path / "bin", tmp_path / "place"
    programs.mkdir()
    place.mkdir()
    (programs / "openssl").write_text(
        f"#!/bin/sh\necho >> {programs}/calls\n"
        f"test $(wc -l < {programs}/calls) -gt {calls} && echo disk full >&2 && exit 1\n"
        f'exec {shutil.which("openssl")} "$@"\n'
    )
    (programs / "openssl").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    done = make(deploy, "--folder", place / "inner/s", PATH=path)
    assert done.returncode == 1
    assert "failed: disk full" in done.stderr
    assert list(place.iterdir()) == []
