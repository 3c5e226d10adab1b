"""`parsekit doctor` tries real components and says what to do about each failure."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from devkit.servers.valkey import valkey
from parsekit import Check, hookimpl
from parsekit.api import open_session
from parsekit.client.checks import service_checks
from parsekit.config import CelerySettings
from parsekit.diagnostics.doctor import examine
from parsekit.host.host import Host


class Plugin:
    def __init__(self, attempt) -> None:
        self.attempt = attempt

    @hookimpl
    def parsekit_register_checks(self, session, register) -> None:
        register("gadget", self.attempt)


def lines(tmp_path: Path, attempt=list, **environ: str) -> dict[str, Check]:
    host = Host.load({"PARSEKIT_PLUGINS": ""})
    host.register(Plugin(attempt), "gadgets")
    session = open_session(host=host, data_dir=tmp_path / "data")
    named = session.config.section(CelerySettings).broker is not None
    more = service_checks(session.config) if named else []
    return {check.name: check for check in examine(session, host, more)}


def test_the_storage_is_written_read_and_tidied(tmp_path: Path):
    checks = lines(tmp_path)
    assert [checks[f"storage folder: {s}"].ok for s in ("write", "read", "delete")] == [True] * 3
    assert not list(tmp_path.rglob("doctor/*"))


def test_a_storage_that_can_not_be_written_is_named_with_advice(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PARSEKIT__FOLDER__PATH", "/proc/nowhere")
    check = lines(tmp_path)["storage folder: write"]
    assert (check.ok, check.advice) == (False, "check the disk")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free space or raise the quota of this disk"),
        (errno.EACCES, "let this user read and write there"),
    ],
)
def test_the_advice_is_about_what_happened(tmp_path: Path, monkeypatch, number: int, advice: str):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    monkeypatch.setattr("os.open", refuse)
    check = lines(tmp_path)["storage folder: write"]
    assert (check.ok, check.advice) == (False, advice)


def test_a_check_that_raises_or_hangs_is_a_line_of_its_own(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("parsekit.diagnostics.doctor.CHECK_SECONDS", 0.2)

    def broken() -> list[Check]:
        raise ZeroDivisionError("oops")

    assert "ZeroDivisionError: oops" in lines(tmp_path, broken)["gadget"].detail
    hanging = lines(tmp_path, lambda: time.sleep(5))["gadget"]
    assert (hanging.ok, hanging.detail) == (False, "did not finish within 0.2 s")


def test_a_missing_plugin_of_a_configured_section_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PARSEKIT__TRANSPORT__URL", "amqp://localhost")
    check = lines(tmp_path)["section transport"]
    assert check.advice == "pip install parsekit-sinks-rabbitmq"


def test_a_broker_that_is_up_is_well_and_one_that_is_down_is_not(tmp_path: Path, monkeypatch):
    with valkey(tmp_path / "valkey") as server:
        monkeypatch.setenv("PARSEKIT__CELERY__BROKER", server.url())
        checks = lines(tmp_path)
        assert [checks[name].ok for name in ("broker", "result store")] == [True, True]
    checks = lines(tmp_path)
    assert checks["broker"].ok is False
    assert "is the server up" in checks["broker"].advice


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_password_in_an_address_is_never_shown(tmp_path: Path, monkeypatch, scheme):
    monkeypatch.setenv("PARSEKIT__CELERY__BROKER", f"{scheme}://user:hunter2@127.0.0.1:1/0")
    monkeypatch.setenv("PARSEKIT__CELERY__BACKEND", "redis://user:hunter2@127.0.0.1:1/0")
    checks = lines(tmp_path)
    assert "hunter2" not in repr(checks)
    assert "127.0.0.1" in checks["broker"].detail
