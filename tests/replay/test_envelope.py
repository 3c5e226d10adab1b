from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.errors import (
    InvalidReplay,
    ParsekitError,
    ReplayNotFound,
    ReplayTooLarge,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.replay import Envelope, ReplayCrc, check_envelope, replay_crc
from parsekit.testing.replays.file import believable_match, synthetic_replay, write_replay

MIB = 1024 * 1024
LIMIT = 32 * MIB

Refuse = Callable[[bytes], str]


def section(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + replay_crc(data).to_bytes(4, "little") + data


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Check a file with this content and answer why it is refused."""

    def check(content: bytes) -> str:
        path = tmp_path / "wrong.replay"
        path.write_bytes(content)
        with pytest.raises(InvalidReplay) as caught:
            check_envelope(path, max_bytes=LIMIT)
        return caught.value.message

    return check


@pytest.fixture(scope="module")
def whole() -> bytes:
    return synthetic_replay(frames=30)


@pytest.fixture(scope="module")
def header_bytes(whole: bytes) -> int:
    return int.from_bytes(whole[:4], "little")


def test_every_real_replay_since_2015_passes(good_replays: list[Path]) -> None:
    assert good_replays
    for path in good_replays:
        envelope = check_envelope(path, max_bytes=LIMIT)
        assert envelope.size_bytes == path.stat().st_size
        assert envelope.header_bytes + envelope.content_bytes + 16 == envelope.size_bytes


def test_every_damaged_real_replay_is_refused(bad_replays: list[Path]) -> None:
    assert bad_replays
    for path in bad_replays:
        with pytest.raises(InvalidReplay):
            check_envelope(path, max_bytes=LIMIT)


@pytest.mark.parametrize("frames", [0, 1, 30])
def test_a_synthetic_replay_passes_wherever_it_lies(tmp_path: Path, frames: int) -> None:
    path = write_replay(tmp_path / "match of 🚗 and ⚽.replay", frames=frames)
    assert check_envelope(path, max_bytes=LIMIT).size_bytes == path.stat().st_size


def test_an_empty_file_is_called_empty(refuse: Refuse) -> None:
    assert "the file is empty" in refuse(b"")


@pytest.mark.parametrize("size", range(1, 8))
def test_less_than_a_length_and_a_crc_is_truncated(refuse: Refuse, size: int) -> None:
    assert f"ends {size} bytes into the length of the header" in refuse(
        b"\x10\0\0\0\0\0\0\0"[:size]
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "a PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG picture"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"\x1f\x8b\x08\0" + bytes(600), "gzip-compressed data"),
        (b"  <!DOCTYPE html><html><body>502 Bad Gateway</body>", "an HTML page"),
        (b'{"error": "not found"}', "JSON"),
        (b'\n[{"id": 1}]', "JSON"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b"hi\n", "text"),
        (b"\xef\xbb\xbf" + "Äpfel und Birnen\n".encode() * 40, "text"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "a program"),
    ],
)
def test_another_kind_of_file_is_named(refuse: Refuse, content: bytes, kind: str) -> None:
    assert refuse(content) == f"this is {kind}, not a replay"


@pytest.mark.parametrize("length", [0, -1, -(2**31), 4 * MIB + 1, 2**31 - 1])
def test_a_header_length_that_no_replay_has_is_refused(refuse: Refuse, length: int) -> None:
    content = length.to_bytes(4, "little", signed=True) + b"\xff" * 400
    assert f"the header claims to have {length} bytes" in refuse(content)


@pytest.mark.parametrize("length", [0, -1, LIMIT + 1, 2**31 - 1])
def test_a_content_length_that_no_replay_has_is_refused(refuse: Refuse, length: int) -> None:
    content = section(b"header") + length.to_bytes(4, "little", signed=True) + bytes(40)
    assert f"the content claims to have {length} bytes" in refuse(content)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncation_is_seen_at_every_tenth(refuse: Refuse, whole: bytes, tenth: int) -> None:
    assert refuse(whole[: len(whole) * tenth // 10]).startswith("truncated: the last ")


def test_one_missing_byte_is_counted(refuse: Refuse, whole: bytes, header_bytes: int) -> None:
    content_bytes = len(whole) - header_bytes - 16
    assert f"the last 1 of {content_bytes} bytes of the content are missing" in refuse(whole[:-1])


def test_truncation_in_the_header_is_told_from_one_in_the_content(
    refuse: Refuse, whole: bytes, header_bytes: int
) -> None:
    assert f"the last 5 of {header_bytes} bytes of the header" in refuse(whole[: header_bytes + 3])
    for left in range(8):
        reason = refuse(whole[: 8 + header_bytes + left])
        assert f"ends {left} bytes into the length of the content" in reason


@pytest.mark.parametrize("offset", [8, 100, -1])
def test_a_flipped_bit_in_the_header_is_seen(
    refuse: Refuse, whole: bytes, header_bytes: int, offset: int
) -> None:
    broken = bytearray(whole)
    broken[offset % (header_bytes + 8)] ^= 1
    assert "the header is damaged: its CRC is" in refuse(bytes(broken))


@pytest.mark.parametrize("offset", [-1, -100, -5000])
def test_a_flipped_bit_in_the_content_is_seen(refuse: Refuse, whole: bytes, offset: int) -> None:
    broken = bytearray(whole)
    broken[offset] ^= 128
    assert "the content is damaged: its CRC is" in refuse(bytes(broken))


@pytest.mark.parametrize("extra", [b"\0", bytes(5000), b"\r\n"])
def test_bytes_after_the_end_are_counted(refuse: Refuse, whole: bytes, extra: bytes) -> None:
    assert refuse(whole + extra).startswith(f"{len(extra)} bytes follow the end of the replay")


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.replay"
    with path.open("wb") as file:
        file.truncate(40 * MIB)
    with pytest.raises(ReplayTooLarge, match=r"40\.0 MiB, more than the 32\.0 MiB"):
        check_envelope(path, max_bytes=LIMIT)


def test_a_replay_may_be_as_large_as_the_limit(tmp_path: Path) -> None:
    path = write_replay(tmp_path / "match.replay")
    size = path.stat().st_size
    check_envelope(path, max_bytes=size)
    with pytest.raises(ReplayTooLarge):
        check_envelope(path, max_bytes=size - 1)


def test_memory_stays_flat(tmp_path: Path) -> None:
    piece, pieces = bytes(MIB), 24
    crc = ReplayCrc()
    for _ in range(pieces):
        crc.update(piece)
    path = tmp_path / "long.replay"
    with path.open("wb") as file:
        file.write(section(b"header"))
        file.write((pieces * MIB).to_bytes(4, "little") + crc.value.to_bytes(4, "little"))
        file.truncate(file.tell() + pieces * MIB)
    tracemalloc.start()
    try:
        envelope = check_envelope(path, max_bytes=LIMIT)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert envelope.content_bytes == pieces * MIB
    assert peak_bytes < 2 * MIB


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.replay", write_replay(tmp_path / "a.replay") / "inside"):
        with pytest.raises(ReplayNotFound, match="there is no file"):
            check_envelope(path, max_bytes=LIMIT)


def test_names_that_no_file_can_have_are_not_found(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (loop, tmp_path / ("x" * 5000), Path("nul\0byte")):
        with pytest.raises(ReplayNotFound, match="can't be the name of a file"):
            check_envelope(path, max_bytes=LIMIT)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidReplay, match="is a folder"):
        check_envelope(tmp_path, max_bytes=LIMIT)


def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull)):
        with pytest.raises(InvalidReplay, match="a pipe or a device"):
            check_envelope(path, max_bytes=LIMIT)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may read everything, so the test is somebody else for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = write_replay(tmp_path / "locked.replay")
    path.chmod(0)
    return path


def test_a_file_that_may_not_be_read_is_denied(locked: Path, as_nobody: None) -> None:
    with pytest.raises(StorageDenied, match="change its permissions"):
        check_envelope(locked, max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("cause", "error"),
    [(PermissionError(13, "no"), StorageDenied), (OSError(5, "I/O error"), StorageUnavailable)],
)
def test_failing_to_open_is_published(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cause: OSError,
    error: type[ParsekitError],
) -> None:
    def fail(*_: object) -> int:
        raise cause

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(error) as caught:
        check_envelope(tmp_path / "any.replay", max_bytes=LIMIT)
    assert caught.value.__cause__ is cause


def test_a_file_that_shrinks_while_it_is_read_is_truncated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_replay(tmp_path / "shrinking.replay")
    size = path.stat().st_size
    update = ReplayCrc.update

    def shrink(crc: ReplayCrc, piece: bytes) -> None:
        os.truncate(path, size - 9)
        update(crc, piece)

    monkeypatch.setattr(ReplayCrc, "update", shrink)
    with pytest.raises(InvalidReplay, match=r"the last 9 of .* bytes of the content are missing"):
        check_envelope(path, max_bytes=LIMIT)


TINY = synthetic_replay(believable_match(team_size=1), frames=0)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(TINY)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        data[start : start + length] = draw(st.binary(max_size=40))
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), damaged()))
def test_whatever_the_content_only_published_errors_come_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.replay"
    path.write_bytes(content)
    try:
        envelope = check_envelope(path, max_bytes=5000)
    except ParsekitError:
        assert content != TINY
    else:
        assert isinstance(envelope, Envelope)
        assert content == TINY
