"""The section `ballchasing`, and the token that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from parsekit.errors import ConfigInvalid
from parsekit_ballchasing.plugin import _retry
from parsekit_ballchasing.settings import BallchasingSettings


def test_the_seeds_section_loads_unchanged() -> None:
    settings = BallchasingSettings.model_validate({"maxRetries": 4, "backoffFactor": 4})
    assert _retry(settings).delays_s == (0, 4, 16, 64)


def test_retries_follow_the_settings() -> None:
    assert _retry(BallchasingSettings(max_retries=3, backoff_factor=2)).delays_s == (0, 2, 4)


@pytest.mark.parametrize(
    "url",
    [
        "https://ballchasing.com/api/",
        "http://127.0.0.1:8585/api",
        "http://[::1]:8585/api",
        "http://localhost/api",
    ],
)
def test_url_may_be_https_or_this_machine(url: str) -> None:
    assert BallchasingSettings(url=url).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://ballchasing.com/api", "unencrypted"),
        ("http://8.8.8.8/api", "unencrypted"),
        ("ftp://ballchasing.com", "no web address"),
        ("ballchasing.com/api", "no web address"),
        ("", "no web address"),
        ("https://user:secret@ballchasing.com/api", "leave out user"),
        ("https://ballchasing.com/api?key=secret", "leave out user"),
    ],
)
def test_url_that_would_leak_the_token_is_refused(url: str, problem: Any) -> None:
    with pytest.raises(ValidationError, match=problem):
        BallchasingSettings(url=url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"visibility": "secret"},
        {"maxRetries": 0},
        {"backoffFactor": -1},
        {"deadline": 0},
        {"token": "never in the file"},
    ],
)
def test_wrong_values_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        BallchasingSettings.model_validate(wrong)


def test_authorities_that_are_none_are_refused_when_the_configuration_is_read(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValidationError, match=r"can't read .*absent.pem: no such file"):
        BallchasingSettings(ca_file=tmp_path / "absent.pem")
    (tmp_path / "empty.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(ValidationError, match=r"empty.pem holds no certificate"):
        BallchasingSettings(ca_file=tmp_path / "empty.pem")


def test_token_is_read_without_white_space(token_file: Path) -> None:
    token = BallchasingSettings(token_file=token_file).read_token()
    assert token.get_secret_value() == "test-token-0123456789"


@pytest.mark.parametrize("content", ["two words", "line\nline", "töken", "x" * 600, "a\tb"])
def test_token_that_is_none_is_refused_without_showing_it(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        BallchasingSettings(token_file=path).read_token()
    assert content not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_token_file_names_setting_and_path() -> None:
    with pytest.raises(ConfigInvalid, match=r"ballchasing\.token_file.*/nowhere/token"):
        BallchasingSettings(token_file=Path("/nowhere/token")).read_token()
