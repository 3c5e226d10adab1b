from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parsekit.errors import BadRequest
from parsekit.storage.keys import MAX_KEY_BYTES, checked_key, checked_path

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
    "e\u0301te\u0301.replay",
    "\u00e9t\u00e9.replay",
    "c:x",
    "C:/windows",
    "a%2Fb",
    "100%25.replay",
]

#: Bytes to a disk or to S3; a server that reads more into them would leave the folder.
TRICKS = {
    "%2e%2e/a": "part once it is decoded",
    "a/%2E%2E/b": "part once it is decoded",
    "a%5C..%5Cb": "part once it is decoded",
    "a%2f": "part once it is decoded",
    "%2fetc/passwd": "is absolute once it is decoded",
    "a%00b": "control",
    "a%0Ab": "control",
    "a/%252e%252e/b": "part once it is decoded",
    "a/%25252E./b": "part once it is decoded",
    "..\\a": "part once it is decoded",
    "\\\\host\\share": "is absolute once it is decoded",
}

BAD = {
    "": "is empty",
    "/etc/passwd": "is absolute",
    "s3://bucket/key": "is a URL",
    "file:///etc/passwd": "is a URL",
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


@pytest.mark.parametrize("check", [checked_key, checked_path])
@pytest.mark.parametrize("key", GOOD, ids=lambda text: ascii(text)[:30])
def test_a_key_comes_back_byte_for_byte(key: str, check: Callable[[str], str]) -> None:
    assert check(key) == key


@pytest.mark.parametrize("check", [checked_key, checked_path])
@pytest.mark.parametrize(("key", "reason"), BAD.items(), ids=lambda text: ascii(text)[:30])
def test_a_dangerous_key_is_refused_with_its_reason(
    key: str, reason: str, check: Callable[[str], str]
) -> None:
    with pytest.raises(BadRequest, match=reason):
        check(key)


@pytest.mark.parametrize(("key", "reason"), TRICKS.items(), ids=lambda text: ascii(text)[:30])
def test_a_key_that_only_decoding_makes_dangerous_is_no_path(key: str, reason: str) -> None:
    assert checked_key(key) == key
    with pytest.raises(BadRequest, match=reason):
        checked_path(key)


@pytest.mark.parametrize("key", [None, 7, b"bytes", ["a"], {"a": "b"}, True])
def test_what_is_not_text_is_refused_by_its_type(key: object) -> None:
    with pytest.raises(BadRequest, match=type(key).__name__):
        checked_key(key)


@given(st.one_of(hostile_text, st.text()))
def test_an_accepted_key_stays_inside_its_folder_byte_for_byte(key: str) -> None:
    try:
        assert checked_key(key) == key
    except BadRequest:
        return
    path = PurePosixPath("/base") / key
    assert ".." not in path.parts
    assert str(path) == f"/base/{key}"
    assert "\x00" not in key
    assert len(key.encode()) <= MAX_KEY_BYTES


@given(st.one_of(hostile_text, st.text()))
@example("a/%2e%2e%2fb")
@example("..%5Ca")
def test_an_accepted_path_stays_inside_its_folder_however_it_is_read(key: str) -> None:
    try:
        checked_path(key)
    except BadRequest:
        return
    seen = key
    for _ in range(5):
        assert ".." not in PurePosixPath(seen).parts
        assert ".." not in PureWindowsPath(f"folder/{seen}").parts
        assert not PurePosixPath(seen).is_absolute()
        assert not seen.startswith("\\")
        assert "\x00" not in seen
        seen = unquote(seen)


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
