"""`parsekit doctor --security` finds what is open, and says how to close it."""

from __future__ import annotations

import json
import os
import platform

import pytest
from typer.testing import CliRunner

from parsekit import api
from parsekit.cli.commands.doctor import app
from parsekit.client.checks import pickle_check
from parsekit.config import load_config
from parsekit.diagnostics import security
from parsekit.parsers.isolation import sandbox
from parsekit.parsers.isolation.sandbox import missing_layers
from parsekit.parsers.isolation.selftest import attempts_that_work
from parsekit_storage_minio import settings as minio

from .conftest import RESULTS, checks, named


@pytest.mark.parametrize(
    ("section", "key", "url", "scheme"),
    [
        ("celery", "broker", "redis://redis.example/0", "rediss"),
        ("celery", "backend", "redis://10.0.0.7:6379", "rediss"),
        ("celery", "broker", "amqp://rabbit//", "amqps"),
        ("celery", "broker", "pyamqp://rabbit//", "amqps"),
        ("folder", "path", "ftp://files.example/results", "sftp"),
        ("transport", "url", "amqp://rabbit", "amqps"),
        ("minio", "hostname", "minio:9000", "https"),
        ("minio", "hostname", "http://minio:9000", "https"),
    ],
)
def test_a_connection_that_is_not_encrypted_is_named(tmp_path, section, key, url, scheme):
    more = RESULTS if key == "broker" else {}
    check = named(checks(tmp_path, {section: {key: url, **more}}), f"tls {section}.{key}")
    assert check.ok is False
    assert f"use {scheme}://" in check.advice


@pytest.mark.parametrize(
    ("section", "key", "url", "shown"),
    [
        ("folder", "path", "kafka://ann:hunter2@nobody.knows", "kafka://nobody.knows"),
        ("folder", "path", "webdav://files.example/results", "webdav://files.example"),
        ("folder", "path", "dropbox:///results", "dropbox://"),
        ("folder", "path", "somehow::s3://bucket/x", "somehow://"),
        ("minio", "hostname", "http://[::1", "an address that can't be read"),
    ],
)
def test_what_is_not_known_is_told_as_such(tmp_path, section, key, url, shown, monkeypatch):
    monkeypatch.setattr(minio, "_is_address", lambda _text: True)  # as a plugin that checks less
    more = RESULTS if key == "broker" else {}
    found = checks(tmp_path, {section: {key: url, **more}})
    (check,) = (c for c in found if c.name.startswith(f"tls {section}.{key}") and not c.ok)
    assert check.detail == f"{shown} is not known to be encrypted"
    assert "rediss" not in check.advice
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("path", "judged"),
    [
        ("simplecache::http://files.example/x", {"": "http://files.example is not encrypted"}),
        ("zip://a.csv::filecache::ftp://ann:hunter2@f/x", {"": "ftp://f is not encrypted"}),
        (
            "http://one.example/x::webdav://two.example/y",
            {
                " (1 of 2)": "http://one.example is not encrypted",
                " (2 of 2)": "webdav://two.example is not known to be encrypted",
            },
        ),
        ("simplecache::s3://bucket/x", {"": "s3://bucket"}),
        ("simplecache::http://[fe80::abcd]/x", {"": "http://fe80::abcd is not encrypted"}),
    ],
)
def test_of_a_chain_the_far_ends_are_judged(tmp_path, path, judged):
    found = checks(tmp_path, {"folder": {"path": path}})
    lines = {check.name: check.detail for check in found if check.name.startswith("tls folder")}
    assert lines == {f"tls folder.path{which}": detail for which, detail in judged.items()}


def test_a_password_in_a_chain_is_found(tmp_path):
    found = checks(tmp_path, {"folder": {"path": "simplecache::https://ann:hunter2@f/x"}}, 0o644)
    assert named(found, "password in folder.path").ok is False


@pytest.mark.parametrize(
    ("section", "settings", "key"),
    [
        ("celery", {"broker": "amqp://", **RESULTS}, "broker"),
        ("celery", {"broker": "redis+socket:///run/valkey.sock"}, "broker"),
        ("celery", {"backend": "unix:///run/valkey.sock"}, "backend"),
        ("folder", {"path": "file:///srv/results"}, "path"),
        ("celery", {"broker": "rediss://:pass::word@redis.example"}, "broker"),
        ("celery", {"broker": "rediss://redis.example"}, "broker"),
        ("celery", {"broker": "amqps://rabbit", **RESULTS}, "broker"),
        ("celery", {"broker": "redis://127.0.0.1"}, "broker"),
        ("celery", {"broker": "amqp://localhost", **RESULTS}, "broker"),
        ("celery", {"broker": "redis://[::1]:6379"}, "broker"),
        ("celery", {"broker": "pyamqp://127.0.0.1", **RESULTS}, "broker"),
        ("celery", {"broker": "rediss://redis.example?ssl_check_hostname=true"}, "broker"),
        ("folder", {"path": "s3://bucket/results"}, "path"),
        ("folder", {"path": "memory://results"}, "path"),
        ("minio", {"hostname": "minio:9000", "secure": True}, "hostname"),
        ("minio", {"hostname": "https://minio"}, "hostname"),
    ],
)
def test_tls_and_this_machine_are_well(tmp_path, section, settings, key):
    assert named(checks(tmp_path, {section: settings}), f"tls {section}.{key}").ok


@pytest.mark.parametrize("value", ["none", "CERT_NONE"])
def test_a_connection_that_takes_any_certificate_is_named(tmp_path, value):
    broker = f"rediss://redis.example?ssl_cert_reqs={value}"
    check = named(checks(tmp_path, {"celery": {"broker": broker}}), "tls celery.broker")
    assert (check.ok, "takes any certificate" in check.detail) == (False, True)


@pytest.mark.parametrize("value", ["false", "False"])
def test_a_connection_that_takes_a_certificate_of_any_host_is_named(tmp_path, value):
    broker = f"rediss://redis.example?ssl_cert_reqs=required&ssl_check_hostname={value}"
    check = named(checks(tmp_path, {"celery": {"broker": broker}}), "tls celery.broker")
    assert (check.ok, "certificate of any host" in check.detail) == (False, True)
    assert "ssl_check_hostname" in check.advice


def test_of_several_addresses_each_is_judged(tmp_path):
    urls = ("amqp://localhost", "amqp://ann:hunter2@two", "amqp://127.0.0.1")
    found = checks(tmp_path, {"celery": {"broker": ";".join(urls), "backend": "rediss://r"}})
    judged = [named(found, f"tls celery.broker ({number} of 3)") for number in range(1, 4)]
    assert [check.ok for check in judged] == [True, False, True]
    assert judged[1].detail == "amqp://two is not encrypted"
    assert "hunter2" not in repr(found)


def test_a_password_in_the_second_of_two_addresses_is_found(tmp_path):
    broker = "amqps://one;amqps://user:hunter2@two"
    found = checks(tmp_path, {"celery": {"broker": broker, **RESULTS}}, 0o644)
    assert named(found, "password in celery.broker").ok is False


@pytest.mark.parametrize(("mode", "ok"), [(0o600, True), (0o644, False)])
def test_a_password_in_a_configuration_that_others_can_read_is_named(tmp_path, mode, ok):
    config = {"celery": {"broker": "rediss://user:hunter2@redis.example"}}
    found = checks(tmp_path, config, mode)
    assert named(found, "password in celery.broker").ok is ok
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "shared", [{"minio": {"hostname": "https://minio"}}, {"folder": {"path": "s3://bucket/a"}}]
)
def test_results_in_a_shared_storage_can_be_forged_without_a_key(tmp_path, shared):
    check = named(checks(tmp_path, shared), "signed results")
    assert (check.ok, "provenance.key_file" in check.advice) == (False, True)


def test_the_key_of_a_folder_here_is_looked_for_and_not_made(tmp_path):
    key = tmp_path / "data" / "provenance.key"
    assert named(checks(tmp_path), "signed results").ok
    assert not key.exists()
    key.parent.mkdir()
    for mode, ok in ((0o644, False), (0o600, True)):
        key.touch()
        key.chmod(mode)
        check = named(checks(tmp_path), "signed results")
        assert (check.ok, str(key) in check.detail) == (ok, True)


def test_a_bad_key_is_found(tmp_path):
    key = tmp_path / "key"
    key.touch(mode=0o600)
    for text, ok in (("short", False), ("k" * 64, True)):
        key.write_text(text)
        found = checks(tmp_path, {"provenance": {"key_file": str(key)}})
        assert named(found, "signed results").ok is ok


def test_the_sandbox_is_tried_and_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(security, "attempts_that_work", attempts_that_work)
    found = [check for check in checks(tmp_path) if check.name == "sandbox"]
    assert len([check for check in found if check.ok is not None]) == 4
    assert all(check.ok is not False for check in found) or missing_layers()


def test_the_filter_of_each_parser_is_told(tmp_path):
    config = {"parser": "ballchasing", "fallback": ["local"]}
    found = {check.name: check.detail for check in checks(tmp_path, config)}
    assert found["parser local"] == "makes only the system calls on a list"
    assert "worker's own process" in found["parser ballchasing"]


def test_a_kernel_that_is_newer_than_the_tables_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "KNOWN_KERNEL", (5, 4))
    monkeypatch.setattr(platform, "release", lambda: "5.5.1-arch1")
    check = named([c for c in checks(tmp_path) if c.ok is None], "sandbox")
    assert "Linux 5.5 is newer than 5.4" in check.detail


def test_a_missing_layer_is_named_with_what_a_parser_can_do(tmp_path, monkeypatch):
    lost = (sandbox.Missing("view of the file system", "the kernel refuses Landlock"),)
    monkeypatch.setattr(security, "missing_layers", lambda: lost)
    monkeypatch.setattr(security, "attempts_that_work", lambda _: {"write a file": True})
    check = named([c for c in checks(tmp_path) if c.ok is not None], "sandbox")
    assert (check.ok, check.detail) == (False, "a parser can write a file")
    assert "the kernel refuses Landlock" in check.advice


def test_a_worker_says_once_which_layer_is_missing(tmp_path, monkeypatch, caplog):
    lost = (sandbox.Missing("system calls", "no table of system calls for s390x"),)
    monkeypatch.setattr(sandbox, "missing_layers", lambda: lost)
    api._name_missing_layers.cache_clear()
    for _ in range(2):
        api._name_missing_layers()
    api._name_missing_layers.cache_clear()
    assert [record.getMessage() for record in caplog.records] == [
        "parsers run without this layer of their sandbox: "
        "system calls: no table of system calls for s390x"
    ]


def test_root_is_advised_against(tmp_path, monkeypatch):
    for user, ok in ((0, False), (1000, True)):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert security._user().ok is ok


@pytest.mark.parametrize(("mode", "ok"), [(0o600, True), (0o644, True), (0o664, False)])
def test_a_configuration_that_others_can_write_is_named(tmp_path, mode, ok):
    check = named(checks(tmp_path, {"parser": "local"}, mode), "configuration")
    assert (check.ok, "others can write" in check.detail) == (ok, not ok)


def test_a_configuration_of_another_user_is_named(tmp_path, monkeypatch):
    checks(tmp_path, {"parser": "local"})
    monkeypatch.setattr(security.os, "geteuid", lambda: 4711)
    (tmp_path / "parsekit.json").touch()
    if os.getuid() == 0:
        os.chown(tmp_path / "parsekit.json", 4712, -1)
    check = named(checks(tmp_path, {"parser": "local"}), "configuration")
    assert (check.ok, "belongs to user" in check.detail) == (False, True)


def test_remote_commands_that_are_obeyed_are_told(tmp_path):
    broker = {"broker": "rediss://redis.example", "remote_control": True}
    check = named(checks(tmp_path, {"celery": broker}), "remote commands")
    assert (check.ok, "celery.remote_control" in check.detail) == (None, True)
    quiet = checks(tmp_path, {"celery": {**broker, "remote_control": False}})
    assert "remote commands" not in {check.name for check in quiet}


def test_folders_that_others_can_write_to_are_named(tmp_path):
    data, store = tmp_path / "data", tmp_path / "store"
    for folder in (data, store):
        folder.mkdir()
    store.chmod(0o777)
    found = checks(tmp_path, {"folder": {"path": str(store)}})
    assert named(found, "data folder").ok
    assert named(found, "folder storage").advice == f"chmod go-w {store}"


def test_only_json_is_taken_from_the_broker(tmp_path):
    file = tmp_path / "parsekit.json"
    file.write_text(json.dumps({"celery": {"broker": "redis://127.0.0.1"}}))
    check = pickle_check(load_config(file, environ={}))
    assert (check.ok, check.detail) == (True, "messages are taken as json")


def test_the_command_ends_with_1_when_something_is_open(tmp_path):
    file = tmp_path / "parsekit.json"
    file.write_text(json.dumps({"celery": {"broker": "redis://redis.example"}}))
    done = CliRunner().invoke(app, ["--security", "--format", "json", "--config", str(file)])
    assert done.exit_code == 1
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["tls celery.broker"]["ok"] is False
    assert found["messages"]["ok"] is True
