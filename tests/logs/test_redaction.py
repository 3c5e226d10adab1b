from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit import read_secret
from parsekit.config.redact import remember_secrets
from parsekit.errors import ConfigInvalid, RemoteUnavailable
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.record import Told
from parsekit.logs.redaction import cleaned, may_hold_secret, remember, remember_urls
from parsekit.model import Failure


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Zq8vTokn", "Authorization: ***"),
        ("{'Authorization': 'Zq8vTokn', 'a': 1}", "{'Authorization': ***, 'a': 1}"),
        (
            "send: b'GET / HTTP/1.1\\r\\nauthorization: Zq8vTokn\\r\\n'",
            "send: b'GET / HTTP/1.1\\r\\nauthorization: ***",
        ),
        ("('authorization', 'Bearer Zq8v Tokn')", "('authorization', ***)"),
        ("AWS4 Credential=AKIAABCDEFGHIJKLMNOP/2026", "AWS4 Credential=***"),
        ("the key AKIAABCDEFGHIJKLMNOP is unknown", "the key *** is unknown"),
        ('{"token": "Zq8vTokn", "n": 1}', '{"token": ***, "n": 1}'),
        ('{\\"password\\": \\"Zq8vTokn\\"}', '{\\"password\\": ***}'),
        ("login(user='ann', password='Zq8v Tokn')", "login(user='ann', password=***)"),
        ("secret_key=Zq8vTokn&x=1", "secret_key=***&x=1"),
        ("GET /x?X-Amz-Signature=abc&a=1", "GET /x?X-Amz-Signature=***&a=1"),
        ("amqp://ann:Zq8vTokn@host/v", "amqp://***@host/v"),
        ("token_file='/run/secrets/token'", "token_file='/run/secrets/token'"),
        ("x.token_file: can't read /run/token", "x.token_file: can't read /run/token"),
        ("the token is not accepted", "the token is not accepted"),
        ("parse ok in 12 ms", "parse ok in 12 ms"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_a_secret_that_was_read_is_masked_in_every_form(tmp_path: Path) -> None:
    secret = 'Sw0rd/fi"sh ü+7'
    file = tmp_path / "token"
    file.write_text(f"{secret}\n")
    read_secret(file, "x.token_file")
    for form in (secret, quote(secret, safe=""), repr(secret), '"Sw0rd/fi\\"sh \\u00fc+7"'):
        assert "w0rd" not in cleaned(f"it is {form} here"), form
    assert "w0rd" not in Failure.of(RemoteUnavailable(f"no answer to {secret}")).message


def test_each_line_of_a_secret_is_masked() -> None:
    remember("-----BEGIN KEY-----\nbGluZW9uZQaa\nbGluZXR3b2Bb\n-----END KEY-----")
    assert cleaned("lost bGluZXR3b2Bb there") == "lost *** there"


def test_passwords_of_configured_urls_are_masked_outside_of_their_urls_too() -> None:
    remember_urls("amqp://ann:p%40ssw0rd-Aa@host:5672/v")
    assert cleaned("refused p@ssw0rd-Aa and p%40ssw0rd-Aa") == "refused *** and ***"


def test_settings_that_speak_of_secrets_are_masked_and_files_are_not() -> None:
    settings = {"minio": {"secretKey": "kX9-secret-Aa", "secret_key_file": "/run/secrets/kX9"}}
    remember_secrets("", settings)
    assert cleaned("kX9-secret-Aa in /run/secrets/kX9") == "*** in /run/secrets/kX9"


@pytest.mark.parametrize("text", ["", "a", "12345"])
def test_what_is_too_short_for_a_secret_masks_no_words(text: str) -> None:
    remember(text)
    assert cleaned("a 12345 b") == "a 12345 b"


def test_a_well_known_account_leaves_its_name_readable() -> None:
    remember_urls("amqp://rabbituser:rabbituser@host")
    assert cleaned("rabbituser at amqp://rabbituser:rabbituser@host") == (
        "rabbituser at amqp://***@host"
    )


def test_a_hostile_text_is_cleaned_in_linear_time() -> None:
    def seconds(count: int) -> float:
        text = "?" + "token" * count + "authorization" * count + "://:" * count + "='"
        began = time.perf_counter()
        cleaned(text)
        return time.perf_counter() - began

    seconds(100)
    assert seconds(16_000) < 40 * max(seconds(1000), 0.002)


def test_a_refused_secret_file_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigInvalid, match=r"x\.token_file"):
        read_secret(tmp_path / "token", "x.token_file")


WORDS = st.sampled_from(
    ["password", "passwd", "secret", "token", "credential", "signature", "api_key", "apikey"]
)
VALUES = st.text("abcXYZ019%+", min_size=6, max_size=20)
MASKED = st.one_of(
    st.builds("see {}={}".format, WORDS, VALUES),
    st.builds('{{"{}": "{}"}}'.format, WORDS, VALUES),
    st.builds("/a?x=1&{}={}".format, st.sampled_from(["my-key", "X-Signature"]), VALUES),
    st.builds("amqp://ann:{}@host".format, VALUES),
    st.builds("Authorization: {}".format, VALUES),
    st.builds("id {}{} refused".format, st.sampled_from(["AKIA", "ASIA"]), st.just("A1" * 8)),
    st.just("'Sword\\\\fish\"79'"),
    st.just('got Sword\\fish"79'),
)


@given(MASKED)
@settings(max_examples=300)
def test_no_line_is_written_unchecked_in_which_something_is_masked(text: str) -> None:
    remember('Sword\\fish"79')
    assert cleaned(text) != text
    assert may_hold_secret(text)
    line = json.loads(JsonLines().text(Told(1.5, logging.INFO, "any", text, {"fact": text})))
    assert line["message"] == line["fact"] == cleaned(text)


def test_a_common_line_needs_no_second_look() -> None:
    assert not may_hold_secret("look up hit\n6f1c\nreplays/ab12.replay")
