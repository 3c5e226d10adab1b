from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from minio import Minio

from devkit.servers.proxy import Answer, Fault, FaultProxy, Refuse, slow_down
from devkit.servers.seaweedfs import ADMIN, BUCKET, Identity
from parsekit import Check, Config, Session, StorageEntry
from parsekit_storage_minio import plugin
from parsekit_storage_minio.settings import MinioSettings

from .conftest import READER, WORKER, KeyFiles
from .strange_store import Oddity, strange_store

Doctor = Callable[..., dict[str, Check]]


@pytest.fixture
def doctor(proxy: FaultProxy, key_files: Callable[[Identity], KeyFiles], tmp_path: Path) -> Doctor:
    """Run the plugin's check as ``parsekit doctor`` does; lines by name."""

    def run(identity: Identity = ADMIN, **more: object) -> dict[str, Check]:
        files = key_files(identity)
        values = {
            "hostname": f"127.0.0.1:{proxy.port}",
            "access_key_file": files.access,
            "secret_key_file": files.secret,
            **more,
        }
        sections = {"minio": MinioSettings.model_validate(values)}
        config = Config(sections=sections, present=frozenset({"minio"}))
        checks: dict[str, Callable[[], list[Check]]] = {}
        session = Session(config=config, role="cli", data_dir=tmp_path)
        plugin.parsekit_register_checks(session, checks.__setitem__)
        return {line.name.removeprefix("minio: "): line for line in checks["minio"]()}

    return run


def test_it_offers_the_storage_of_the_minio_section() -> None:
    entries: list[StorageEntry] = []
    plugin.parsekit_register_storages(entries.append)
    (entry,) = entries
    assert (entry.name, entry.settings) == ("minio", MinioSettings)


def test_listing_plugins_imports_no_library_that_speaks_s3() -> None:
    code = (
        "import sys, parsekit_storage_minio.plugin as p; p.parsekit_register_storages(lambda e: 0);"
        "sys.exit(any(m in sys.modules for m in ('obstore', 's3fs', 'fsspec', 'botocore')))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False)
    assert run.returncode == 0


def test_another_storage_in_use_is_not_checked(tmp_path: Path) -> None:
    checks: dict[str, Callable[[], list[Check]]] = {}
    session = Session(config=Config(), role="cli", data_dir=tmp_path)
    plugin.parsekit_register_checks(session, checks.__setitem__)
    assert not checks


def _left(caller: Minio) -> list[str]:
    names = (found.object_name or "" for found in caller.list_objects(BUCKET, recursive=True))
    return [name for name in names if "doctor" in name]


def test_doctor_finds_nothing_wrong_and_leaves_nothing(
    doctor: Doctor, proxy: FaultProxy, caller: Minio
) -> None:
    lines = doctor()
    assert [line.ok for line in lines.values()] == [True] * 6
    assert any(line.startswith("PUT") for line in proxy.requests)
    assert _left(caller) == []


def test_doctor_is_content_with_the_least_privilege(doctor: Doctor, caller: Minio) -> None:
    assert all(line.ok for line in doctor(WORKER).values())
    assert _left(caller) == []


def test_doctor_names_what_a_real_store_does_not_grant(doctor: Doctor) -> None:
    lines = doctor(READER)
    assert lines["write"].ok is False
    assert "s3:PutObject" in lines["write"].detail
    assert "grant s3:PutObject" in lines["write"].advice
    assert lines["look up a replay"].ok


def _refuses(*refused: str) -> Callable[[str], Fault | None]:
    """Answer 403 to these methods, optionally only below a folder: ``GET`` or ``GET replays``.

    ``MISSING`` stands for requests about what was deleted or never stored.
    """
    denied = Answer("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")
    gone: set[str] = set()

    def choose(line: str) -> Fault | None:
        method, path = line.split()
        folder = path.split("/")[2]
        missing = method in ("GET", "HEAD") and (path in gone or folder == "replays")
        gone.difference_update({path} if method == "PUT" else ())
        if "MISSING" in refused and missing:
            return denied
        if {method, f"{method} {folder}"} & set(refused):
            return denied
        gone.update({path} if method == "DELETE" else ())
        return None

    return choose


@pytest.mark.parametrize(
    ("refused", "line", "permission"),
    [
        (["PUT"], "write", "s3:PutObject"),
        (["GET", "HEAD"], "read", "s3:GetObject"),
        (["DELETE"], "delete", "s3:DeleteObject"),
        (["HEAD parsed"], "keep the first of two writers", "s3:GetObject"),
        (["MISSING"], "miss what is not there", "s3:ListBucket"),
        (["MISSING"], "look up a replay", "s3:ListBucket"),
        (["GET replays", "HEAD replays"], "look up a replay", "s3:GetObject"),
    ],
    ids=str,
)
def test_doctor_names_the_missing_permission(
    doctor: Doctor,
    proxy: FaultProxy,
    caller: Minio,
    refused: list[str],
    line: str,
    permission: str,
) -> None:
    proxy.choose(_refuses(*refused))
    lines = doctor()
    assert len(_left(caller)) == ("DELETE" in refused)
    for name in _left(caller):
        caller.remove_object(BUCKET, name)
    assert lines[line].ok is False
    assert re.findall(r"grant (s3:\w+)", lines[line].advice) == [permission]
    others = {"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"}
    blamed = {name for each in lines.values() for name in others if f"grant {name}" in each.advice}
    assert blamed == {permission}


def test_doctor_leaves_nothing_where_reading_is_refused(
    doctor: Doctor, proxy: FaultProxy, caller: Minio
) -> None:
    proxy.choose(_refuses("GET", "HEAD"))
    assert doctor()["delete"].ok
    assert _left(caller) == []


@pytest.mark.usefixtures("hurried")
def test_doctor_tidies_up_when_the_store_fails_on_the_way(
    doctor: Doctor, proxy: FaultProxy, caller: Minio
) -> None:
    proxy.choose(lambda line: slow_down() if line.startswith("GET") else None)
    assert doctor()["reach the store"].ok is False
    assert _left(caller) == []


@pytest.mark.parametrize("conditions", ["ignored", "501"])
def test_doctor_says_that_conditions_do_not_work(doctor: Doctor, conditions: str) -> None:
    with strange_store(Oddity(conditions=conditions)) as store:
        lines = doctor(hostname=store.hostname)
    assert [name for name, line in lines.items() if not line.ok] == [
        "keep the first of two writers"
    ]
    assert "If-None-Match" in lines["keep the first of two writers"].detail
    assert store.objects == {}


def test_doctor_says_that_the_store_is_away(doctor: Doctor, proxy: FaultProxy) -> None:
    proxy.set(Refuse())
    (line,) = doctor().values()
    assert line.ok is False
    assert "check that the store is up" in line.advice


def test_doctor_says_what_is_wrong_with_the_settings(doctor: Doctor, tmp_path: Path) -> None:
    (line,) = doctor(access_key_file=tmp_path / "gone").values()
    assert line.ok is False
    assert "minio.access_key_file" in line.detail
