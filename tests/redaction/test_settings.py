from __future__ import annotations

import pytest

from parsekit.redaction.patterns import redacted_text
from parsekit.redaction.settings import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://guest:s3cr3t@host:5672/vhost", "amqp://***@host:5672/vhost"),
        ("redis://:s3cr3t@host/0", "redis://***@host/0"),
        ("redis://u:p@ss:w@host/0", "redis://***@host/0"),
        ("http://user@host/x", "http://***@host/x"),
        ("https://ghp_0123456789abcdefghij@host/x", "https://***@host/x"),
        ("https://h/x?a=1&api_key=s3cr3t&b=2", "https://h/x?a=1&api_key=***&b=2"),
        ("s3://bucket/key@version:2", "s3://bucket/key@version:2"),
        ("two: a://u:s3cr3t@h b://v:s3cr3t@h", "two: a://***@h b://***@h"),
        ("no url, nothing hidden", "no url, nothing hidden"),
    ],
)
def test_user_parts_and_secrets_of_urls_are_masked(text: str, shown: str) -> None:
    assert redacted_text(text) == shown


def test_a_key_that_speaks_of_a_secret_hides_its_value_but_not_a_file_name() -> None:
    settings = {"token": "s3cr3t", "token_file": "/run/token", "retries": 4, "urls": ["a://u:p@h"]}
    assert redacted("section", settings) == {
        "token": "***",
        "token_file": "/run/token",
        "retries": 4,
        "urls": ["a://u:***@h"],
    }


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("amqp://ann:s3cr3t@a/v;amqp://bob:s3cr3t@b/v", "amqp://ann:***@a/v;amqp://bob:***@b/v"),
        ("redis://:s3cr3t@host/0", "redis://:***@host/0"),
        ("https://t0ken@host/x", "https://***@host/x"),
        ("https://ann:s3cr3t@host/x?sig=s3cr3t&a=1", "https://ann:***@host/x?sig=***&a=1"),
        ("simplecache::https://ann:s3cr3t@host/x", "simplecache::https://***@host/x"),
    ],
)
def test_of_an_address_only_the_password_is_masked(address: str, shown: str) -> None:
    assert redacted("section", address) == shown
