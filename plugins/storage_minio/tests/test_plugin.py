from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parsekit import Check, Config, Session, StorageEntry
from parsekit.testing.servers.proxy import FaultProxy, Refuse
from parsekit.testing.servers.seaweedfs import ADMIN, Identity
from parsekit_storage_minio import plugin
from parsekit_storage_minio.settings import MinioSettings

from .conftest import READER, WORKER, KeyFiles

Doctor = Callable[..., dict[str, Check]]


@pytest.fixture
def doctor(
    proxy: FaultProxy, backend: str, key_files: Callable[[Identity], KeyFiles], tmp_path: Path
) -> Doctor:
    """Run the plugin's check as ``parsekit doctor`` does; lines by name."""

    def run(identity: Identity = ADMIN, **more: object) -> dict[str, Check]:
        files = key_files(identity)
        values = {
            "hostname": f"127.0.0.1:{proxy.port}",
            "access_key_file": files.access,
            "secret_key_file": files.secret,
            "backend": backend,
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


def test_doctor_finds_nothing_wrong_and_leaves_nothing(doctor: Doctor, proxy: FaultProxy) -> None:
    lines = doctor()
    assert [line.ok for line in lines.values()] == [True] * 5
    assert any(line.startswith("DELETE") for line in proxy.requests)


def test_doctor_names_the_missing_permission(doctor: Doctor) -> None:
    lines = doctor(READER)
    assert lines["write"].ok is False
    assert "s3:PutObject" in lines["write"].detail
    assert "grant s3:PutObject" in lines["write"].advice
    assert lines["look up a replay"].ok


def test_doctor_is_content_with_the_least_privilege(doctor: Doctor) -> None:
    lines = doctor(WORKER)
    assert lines["write"].ok
    assert lines["keep the first of two writers"].ok
    assert lines["look up a replay"].ok


def test_doctor_says_that_the_store_is_away(doctor: Doctor, proxy: FaultProxy) -> None:
    proxy.set(Refuse())
    (line,) = doctor().values()
    assert line.ok is False
    assert "check that the store is up" in line.advice


def test_doctor_says_what_is_wrong_with_the_settings(doctor: Doctor, tmp_path: Path) -> None:
    (line,) = doctor(access_key_file=tmp_path / "gone").values()
    assert line.ok is False
    assert "minio.access_key_file" in line.detail
