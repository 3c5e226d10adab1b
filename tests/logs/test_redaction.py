from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit import read_identifier, read_secret
from parsekit.errors import ConfigInvalid, RemoteUnavailable
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.record import facts
from parsekit.model import Failure
from parsekit.redaction.secrets import (
    cleaned,
    cleaned_name,
    may_hold_secret,
    remember,
    remember_urls,
    short,
    spare,
)
from parsekit.redaction.settings import remember_secrets


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
        ("{'Authorization': ['Bearer Zq8v']}", "{'Authorization': ***"),
        ("Proxy-Authorization: Basic Zq8v", "Proxy-Authorization: ***"),
        ("Cookie: session=Zq8vTokn; b=Tokn9", "Cookie: ***"),
        ("Set-Cookie: sid=Zq8vTokn", "Set-Cookie: ***"),
        ("X-Api-Key: ZqvTokn, Host: a", "X-Api-Key: ***, Host: a"),
        ("refused Bearer Zq8vTokn-1.a", "refused Bearer ***"),
        ("AWS4 Credential=AKIAABCDEFGHIJKLMNOP/2026", "AWS4 Credential=***"),
        ('{"token": "Zq8vTokn", "n": 1}', '{"token": ***, "n": 1}'),
        ('{\\"password\\": \\"Zq8vTokn\\"}', '{\\"password\\": ***}'),
        ('{"password":"Zq\\"8v-Tokn","n":1}', '{"password":***,"n":1}'),
        ('b\'{"token":"Zq\\\\"8v Tokn"}\'', "b'{\"token\":***}'"),
        ('{\\"token\\":\\"Zq\\\\\\"8v Tokn\\"}', '{\\"token\\":***}'),
        ("{'password': 'Zq\\'8v-Tokn'}", "{'password': ***}"),
        ('{"password":"Zq8v To', '{"password":***'),
        ('{"token":["Zq8v", "Tokn"],"n":1}', '{"token":***,"n":1}'),
        ("password=b8vTokn", "password=***"),
        ("login(user='ann', password='Zq8v Tokn')", "login(user='ann', password=***)"),
        ("secret_key=Zq8vTokn&x=1", "secret_key=***&x=1"),
        ("private_key=Zq8vTokn passphrase=Zq8vTokn", "private_key=*** passphrase=***"),
        ("x-api-key=Zq8vTokn", "x-api-key=***"),
        ("password: Zq8vTokn", "password: ***"),
        ("see token: Zq8vTokn, n: 1", "see token: ***, n: 1"),
        ("apikey: Zq8vTokn", "apikey: ***"),
        ("login --user ann --password Zq8vTokn -v", "login --user ann --password *** -v"),
        ("--api-token Zq8vTokn", "--api-token ***"),
        ("GET /x?sig=Zq8v&a=1", "GET /x?sig=***&a=1"),
        ("GET /x?a=1&auth=Zq8v", "GET /x?a=1&auth=***"),
        ("id ghp_Zq8vToknZq8vToknZq8vToknZq8v too", "id *** too"),
        ("id github_pat_11Zq8v_ToknZq8vToknZq8v too", "id *** too"),
        ("id eyJhbGciOiJ9.eyJzdWIifQ.Zq8v-Tokn too", "id *** too"),
        ("GET /x?X-Amz-Signature=abc&a=1", "GET /x?X-Amz-Signature=***&a=1"),
        ("amqp://ann:Zq8vTokn@host/v", "amqp://***@host/v"),
        ("amqp://ann:Zq/8v#Tokn?@host/v", "amqp://***@host/v"),
        ("redis://:Zq8v@a;redis://:Tokn@b", "redis://***@a;redis://***@b"),
        ("http://host:9000/box/a@b", "http://host:9000/box/a@b"),
        ("http://[::1]:9000/box/a@b", "http://[::1]:9000/box/a@b"),
        ("s3://box/a:b@c.replay", "s3://box/a:b@c.replay"),
        ("token_file='/run/secrets/token'", "token_file='/run/secrets/token'"),
        ("x.token_file: can't read /run/token", "x.token_file: can't read /run/token"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert cleaned(text) == shown
    assert may_hold_secret(text) or text == shown


@pytest.mark.parametrize(
    "text",
    [
        "parse ok in 12 ms",
        "the token is not accepted",
        "the token of Ballchasing was refused; see https://host/api2",
        "ballchasing.token: is a value not shown; input should be a valid string",
        "x.token_file: can't read /run/secrets9/token",
        "x.token_file: /run/secrets9/token is empty; name a file with the secret",
        "no token: HTTP/1.1 answered 401",
        "InvalidAccessKeyId: the key AKIAABCDEFGHIJKLMNOP does not exist",
        "sent with access_key_id=AKIAABCDEFGHIJKLMNOP",
        "no token: 127.0.0.1:5672 is away",
        "no token: urllib3.exceptions.MaxRetryError('x2')",
        "the signature: sha256 is expected",
        "without authorization, no answer",
        "bearer authentication is required",
        "give --token-file /run/secrets9/token, or --password to be asked",
    ],
)
def test_what_only_speaks_of_secrets_stays_readable(text: str) -> None:
    assert cleaned(text) == text


def test_a_secret_that_was_read_is_masked_in_every_form(tmp_path: Path) -> None:
    secret = 'Sw0rd/fi"sh ü+7'
    file = tmp_path / "token"
    file.write_text(f"{secret}\n")
    read_secret(file, "x.token_file")
    in_url = quote(secret, safe="")
    in_json = '"Sw0rd/fi\\"sh \\u00fc+7"'
    forms = [secret, in_url, quote(secret), in_url.lower().replace("s", "S", 1), repr(secret)]
    for form in (*forms, in_json, in_json.replace("/", "\\/")):
        assert "w0rd" not in cleaned(f"it is {form} here"), form
    assert "w0rd" not in Failure.of(RemoteUnavailable(f"no answer to {secret}")).message


@pytest.mark.parametrize("secret", ["Sw0rdfish-Zz-91", "ann:Sw0rd/fish-Zz-92"])
def test_what_was_read_is_masked_in_base64_too(secret: str) -> None:
    remember("Sw0rdfish-Zz-91")
    remember_urls("amqp://ann:Sw0rd%2Ffish-Zz-92@host")
    for raw in (secret, f"{secret}\n", f"{secret}:x"):
        text = b64encode(raw.encode()).decode()
        assert text[:16] not in cleaned(f"it is {text}")
        assert may_hold_secret(text)


def test_no_half_of_a_secret_is_left_where_a_short_text_is_cut() -> None:
    remember("Half-Short-0123456789")
    for spaces in range(16_360, 16_390, 3):
        assert "Half" not in short(f"it is {' ' * spaces}Half-Short-0123456789", 500)


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


def test_every_password_of_a_chain_is_masked_outside_of_it_too() -> None:
    remember_urls("amqp://ann:chain%2Fone-Aa@a/v;amqp://bob:chain-two-Aa@b/v")
    assert cleaned("refused chain/one-Aa, chain-two-Aa") == "refused ***, ***"


def test_a_name_of_our_own_is_left_as_it_is_though_a_secret_is_a_part_of_it() -> None:
    remember("Zq-machine")
    spare("worker-7@Zq-machine")
    assert cleaned("worker-7@Zq-machine at Zq-machine") == "worker-7@Zq-machine at ***"


def test_a_secret_is_masked_though_a_name_of_our_own_is_a_part_of_it() -> None:
    spare("Zq-name")
    remember("the-Zq-name-of-all")
    assert cleaned("it is the-Zq-name-of-all") == "it is ***"


def test_a_name_is_left_as_it_is_and_a_url_is_not() -> None:
    remember("Zq-parsed")
    assert cleaned_name("Zq-parsed/local/1/ab.json") == "Zq-parsed/local/1/ab.json"
    assert cleaned_name("https://host/Zq-parsed") == "https://host/***"


def test_an_identifier_that_stands_in_a_file_is_masked_nowhere(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("Zq-access-key-id\n")
    assert read_identifier(tmp_path / "id", "x.access_key_file") == "Zq-access-key-id"
    assert cleaned("no such key: Zq-access-key-id") == "no such key: Zq-access-key-id"


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
        text += "token: " * count + "Bearer " * count + "-eyJ" * count + "x-key" * count
        text += "token: " + "1" * count + "(" + "--token" * count + 'token=\\"' * count + "token=["
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
) | st.sampled_from(["passphrase", "api-key", "private_key", "access-key"])
VALUES = st.text("abcXYZ019%+", min_size=6, max_size=20)
MASKED = st.one_of(
    st.builds("see {}={}".format, WORDS, VALUES),
    st.builds('{{"{}": "{}"}}'.format, WORDS, VALUES),
    st.builds("/a?x=1&{}={}".format, st.sampled_from(["my-key", "X-Signature"]), VALUES),
    st.builds("amqp://ann:{}@host".format, VALUES),
    st.builds("Authorization: {}".format, VALUES),
    st.builds("{}: {}a1".format, st.sampled_from(["password", "Token", "API-Key"]), VALUES),
    st.builds("--{} {}a1".format, st.sampled_from(["password", "api-token"]), VALUES),
    st.builds("/a?{}={}".format, st.sampled_from(["sig", "auth"]), VALUES),
    st.builds("{}: a={}".format, st.sampled_from(["Cookie", "X-Some-Key"]), VALUES),
    st.builds("{} {}a1".format, st.sampled_from(["Bearer", "bearer"]), VALUES),
    st.builds("eyJ{}ab.{}.c".format, st.just("hbGciOiJ9"), st.just("eyJzdWIifQ")),
    st.builds("ghp_{}".format, st.just("a1" * 18)),
    st.just("'Sword\\\\fish\"79'"),
    st.just('got Sword\\fish"79'),
)


@given(MASKED)
@settings(max_examples=300)
def test_no_line_is_written_unchecked_in_which_something_is_masked(text: str) -> None:
    remember('Sword\\fish"79')
    assert cleaned(text) != text
    assert may_hold_secret(text)
    record = logging.makeLogRecord({"name": "any", "msg": text, **facts(fact=text)})
    line = json.loads(JsonLines().format(record))
    assert line["message"] == line["fact"] == cleaned(text)


def test_a_common_line_needs_no_second_look() -> None:
    assert not may_hold_secret("look up hit\n6f1c\nreplays/ab12.replay")
