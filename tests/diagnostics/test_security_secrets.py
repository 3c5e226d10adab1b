"""`parsekit doctor --security` judges each secret: who can read it, and who would guess it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from parsekit.config import read_secret
from parsekit.config import secret as secret_module
from parsekit_ballchasing import settings as ballchasing
from parsekit_storage_minio import settings as minio

from .conftest import RESULTS, checks, named


@pytest.mark.parametrize(
    ("mode", "ok", "words"),
    [
        (0o600, True, ""),
        (0o400, True, ""),
        (0o640, False, "its group"),
        (0o644, False, "everybody"),
    ],
)
def test_secrets_that_others_can_read_are_named(tmp_path, mode, ok, words):
    token = tmp_path / "token"
    token.write_text("x" * 40)
    token.chmod(mode)
    check = named(
        checks(tmp_path, {"ballchasing": {"token_file": str(token)}}),
        "secret ballchasing.token_file",
    )
    assert check.ok is ok
    assert words in check.detail
    assert ok or f"chmod 600 {token}" in check.advice


def test_a_folder_instead_of_a_secret_is_named(tmp_path):
    found = checks(tmp_path, {"ballchasing": {"token_file": str(tmp_path)}})
    check = named(found, "secret ballchasing.token_file")
    assert (check.ok, check.detail) == (False, f"{tmp_path} is no file")
    assert "chmod" not in check.advice


def test_secrets_that_are_found_without_a_setting_are_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(ballchasing, "DEFAULT_TOKEN_FILE", tmp_path / "ballchasing_token")
    monkeypatch.setattr(minio, "SECRET_FOLDER", tmp_path)
    assert not [check for check in checks(tmp_path) if check.name.startswith("secret")]
    files = {
        "ballchasing.token_file": "ballchasing_token",
        "minio.secret_key_file": "minio_secret_key",
    }
    for name in files.values():
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)
    for key, name in files.items():
        check = named(checks(tmp_path), f"secret {key}")
        assert (check.ok, check.advice) == (False, f"chmod 600 {tmp_path / name}")


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("hunter2", "has fewer than 8 characters"),
        ("minioadmin", "is a word that everybody tries"),
        ("Parsekit-123", "is a word that everybody tries"),
        ("12345678", "is a word that everybody tries"),
        ("correct-horse-7", ""),
    ],
)
def test_a_secret_that_is_guessed_at_once_is_named_and_not_shown(tmp_path, secret, words):
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text(secret)
    found = checks(tmp_path, {"minio": {"secret_key_file": str(tmp_path / "key")}})
    check = named(found, "secret minio.secret_key_file")
    assert (check.ok, words in check.detail) == (not words, True)
    assert not words or secret not in repr(found)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("ann:hunter2", "has fewer than 8 characters"),
        ("parse-user:parse-user", "is the name of its user"),
        ("ann:password1", "is a word that everybody tries"),
    ],
)
@pytest.mark.parametrize("url", ["amqps://{}@a/v", "amqps://ann:correct-horse-7@a;amqps://{}@b"])
def test_a_password_of_an_address_that_is_guessed_at_once_is_named(tmp_path, account, words, url):
    celery = {"broker": url.format(account), **RESULTS}
    check = named(checks(tmp_path, {"celery": celery}), "strength of celery.broker")
    assert (check.ok, words in check.detail) == (False, True)


def test_the_id_of_a_key_is_no_secret(tmp_path):
    (tmp_path / "id").write_text("parsekit")
    (tmp_path / "id").chmod(0o644)
    found = checks(tmp_path, {"minio": {"access_key_file": str(tmp_path / "id")}})
    assert not [check for check in found if "access_key" in check.name]


def test_of_a_setting_and_a_default_only_the_file_that_is_read_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(ballchasing, "DEFAULT_TOKEN_FILE", tmp_path / "default")
    for name, mode in (("default", 0o666), ("mine", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    found = checks(tmp_path, {"ballchasing": {"token_file": str(tmp_path / "mine")}})
    assert named(found, "secret ballchasing.token_file").ok


@pytest.mark.parametrize(("mode", "ok"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_in_which_everybody_can_replace_secrets_is_named(tmp_path, mode, ok):
    folder = tmp_path / "secrets"
    folder.mkdir()
    folder.chmod(mode)
    for name in ("token", "key"):
        (folder / name).touch(0o600)
    config = {
        "ballchasing": {"token_file": str(folder / "token")},
        "provenance": {"key_file": str(folder / "key")},
    }
    check = named(checks(tmp_path, config), "folder of secrets")
    assert (check.ok, str(folder) in check.detail) == (ok, True)
    assert check.advice == ("" if ok else f"chmod o-w {folder}")


def test_a_plugin_that_can_not_name_its_secrets_is_a_line(tmp_path, monkeypatch):
    def broken(_: object) -> dict[str, Path]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(ballchasing.BallchasingSettings, "secret_files", broken)
    check = named(checks(tmp_path), "secrets of ballchasing")
    assert (check.ok, check.detail) == (False, "ZeroDivisionError: oops")


def test_a_group_is_how_we_read_a_file_of_somebody_else(tmp_path):
    if os.geteuid():
        pytest.skip("only root can give a file away")
    token = tmp_path / "token"
    token.write_text("x" * 40)
    token.chmod(0o640)
    os.chown(token, 12345, -1)
    assert secret_module.exposed_to(token.stat()) == ""


def test_reading_a_secret_that_others_can_read_warns_once(tmp_path, caplog):
    token = tmp_path / "token"
    token.write_text("x" * 40)
    token.chmod(0o644)
    with caplog.at_level(logging.WARNING, "parsekit.config"):
        for _ in range(3):
            read_secret(token, "ballchasing.token_file")
    (record,) = caplog.records
    assert f"ballchasing.token_file: {token} can be read by everybody" in record.getMessage()
    assert "xxxx" not in caplog.text
