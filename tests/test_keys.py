from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parsekit.errors import BadRequest
from parsekit.keys import MAX_KEY_BYTES, checked_key

GOOD = [
    "a",
    "replays/0123abc.replay",
    "replays/with space and émoji 🚗.replay",
    "replays/.hidden",
    "replays/...",
    "replays/100%.replay",
    "replays/a..b",
    "replays/a:b",
    "x" * MAX_KEY_BYTES,
]

BAD = {
    "": "is empty",
    "/etc/passwd": "is absolute",
    "C:/windows": "is absolute",
    "c:windows": "is absolute",
    "s3://bucket/key": "is a URL",
    "file:///etc/passwd": "is a URL",
    "a\\b": "backslash",
    "\\\\host\\share": "backslash",
    "..": "part",
    "../a": "part",
    "a/../b": "part",
    "a/./b": "part",
    "a//b": "part",
    "a/": "part",
    "a/..": "part",
    "a\x00b": "control",
    "a\nb": "control",
    "a\x7fb": "control",
    "a\x85b": "control",
    "a\x9bb": "control",
    "a\u2028b": "control",
    "a\udc80b": "broken text",
    "%2e%2e/a": "percent-encoded",
    "a/%2E%2E/b": "percent-encoded",
    "a%2fb": "percent-encoded",
    "a%5Cb": "percent-encoded",
    "a%00b": "percent-encoded",
    "a/%252e%252e/b": "percent-encoded",
    "a/%25252E./b": "percent-encoded",
    "e\u0301": "NFC",
    "x" * (MAX_KEY_BYTES + 1): "longer than",
    "é" * (MAX_KEY_BYTES // 2 + 1): "longer than",
}

#: Text rich in what makes paths dangerous.
hostile_text = st.lists(
    st.one_of(
        st.sampled_from(["/", "\\", ".", "..", "%2e", "%2F", "%25", "5c", "2e", "\x00", ":", "~"]),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("key", GOOD)
def test_an_ordinary_key_comes_back_unchanged(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize(("key", "reason"), BAD.items(), ids=lambda text: ascii(text)[:30])
def test_a_dangerous_key_is_refused_with_its_reason(key: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        checked_key(key)


@pytest.mark.parametrize("key", [None, 7, b"bytes", ["a"], {"a": "b"}, True])
def test_what_is_not_text_is_refused_by_its_type(key: object) -> None:
    with pytest.raises(BadRequest, match=type(key).__name__):
        checked_key(key)


@given(st.one_of(hostile_text, st.text()))
@example("a/%2e%2e%2fb")
def test_an_accepted_key_stays_inside_its_folder_however_it_is_read(key: str) -> None:
    try:
        checked_key(key)
    except BadRequest:
        return
    seen = key
    for _ in range(5):
        assert ".." not in PurePosixPath(seen).parts
        assert ".." not in PureWindowsPath(seen).parts
        assert not PurePosixPath(seen).is_absolute()
        assert not PureWindowsPath(seen).anchor
        assert "\x00" not in seen
        seen = unquote(seen)
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert unicodedata.normalize("NFC", key) == key


@given(st.one_of(hostile_text.map(lambda text: f"../{text}"), st.text().map("/{}".format)))
def test_the_message_is_short_printable_ascii(key: str) -> None:
    with pytest.raises(BadRequest) as caught:
        checked_key(key)
    assert len(caught.value.message) < 250
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


def test_a_huge_key_does_not_make_a_huge_message() -> None:
    for key in ("x" * 10_000_000, ["x" * 10_000_000]):
        with pytest.raises(BadRequest) as caught:
            checked_key(key)
        assert len(caught.value.message) < 250
