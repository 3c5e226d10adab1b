from __future__ import annotations

import pytest

from parsekit.config.redact import redacted, redacted_text


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
        "urls": ["a://***@h"],
    }
