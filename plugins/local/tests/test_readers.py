"""One seam, two readers: the native one and the dictionary one give the same log of every file."""

from __future__ import annotations

import dataclasses
import random
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.missing import missing
from parsekit import Parsed
from parsekit.testing import believable_match, synthetic_replay, write_replay
from parsekit_local.stream import dictionary, native, readers
from parsekit_local.stream.decoder import decode
from parsekit_local.stream.frames import DecodeFailed
from parsekit_local.stream.log import TALLIES, EventCode, ReadFailed, StreamLog

Parse = Callable[..., Parsed]
_SMALL = synthetic_replay(believable_match(team_size=2, bots=1), frames=60)
#: Counts that the invented match has under their own names.
_INVENTED = {"MatchGoals", "MatchAssists", "MatchSaves", "MatchShots"}
_UNKNOWN = "attribute unknown or not implemented:\n"


@pytest.fixture(autouse=True, scope="module")
def native_module() -> ModuleType:
    """The native reader; never optional in CI."""
    if why_not := readers.why_not_native():
        missing(why_not)
    return sys.modules["parsekit_local_native"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_replay(tmp_path / "small.replay", believable_match(team_size=1), frames=60)


def _outcome(read: Callable[[bytes], StreamLog], data: bytes) -> StreamLog | str:
    try:
        return read(data)
    except ReadFailed as error:
        return str(error)


def _assert_same(data: bytes) -> None:
    ours, theirs = _outcome(native.read, data), _outcome(dictionary.read, data)
    if isinstance(ours, str) or isinstance(theirs, str):
        assert ours == theirs
        return
    for column in dataclasses.fields(StreamLog):
        one, other = getattr(ours, column.name), getattr(theirs, column.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, column.name
            np.testing.assert_array_equal(one, other, column.name, strict=True)
        else:
            assert one == other, column.name


def _damaged(data: bytes, seed: int) -> bytes:
    """Flip bits; every other time behind the header, so that frames are at fault."""
    chance = random.Random(seed)  # noqa: S311  (a reproducible choice)
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) // 3 if seed % 2 else 8, len(data))
        damaged[place] ^= 1 << chance.randrange(8)
    return bytes(damaged)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["good", "odd", "bad"])
def test_readers_agree_on_every_real_replay(shared: Path, kind: str) -> None:
    for path in sorted((shared / "replays" / kind).glob("*.replay")):
        _assert_same(path.read_bytes())


@pytest.mark.timeout(900)
def test_readers_agree_on_cut_and_damaged_replays(good_replays: list[Path]) -> None:
    for path in good_replays:
        data = path.read_bytes()
        if len(data) > 500_000:
            continue
        _assert_same(data[: len(data) // 2])
        for seed in range(8):
            _assert_same(_damaged(data, seed))


@settings(max_examples=150, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(8, len(_SMALL) - 1), st.integers(0, 255)), max_size=6),
    end=st.integers(len(_SMALL) // 2, len(_SMALL)),
)
def test_readers_agree_on_broken_synthetic_streams(flips: list[tuple[int, int]], end: int) -> None:
    data = bytearray(_SMALL)
    for place, value in flips:
        data[place] = value
    _assert_same(bytes(data[:end]))


def _with_attribute(data: bytes, old: str, new: str) -> bytes:
    """Put an attribute in place of another of the same form, by its name among the objects."""
    at = 8 + int.from_bytes(data[:4], "little")
    crc, body = data[at + 4 : at + 8], data[at + 8 :].replace(_entry(old), _entry(new))
    return data[:at] + struct.pack("<i", len(body)) + crc + body


def _entry(name: str) -> bytes:
    return struct.pack("<i", len(name) + 1) + name.encode() + b"\0"


@pytest.mark.parametrize("tally", sorted(set(TALLIES) - _INVENTED))
def test_readers_agree_on_counts_that_no_replay_at_hand_has(tally: str) -> None:
    data = _with_attribute(_SMALL, "TAGame.PRI_TA:MatchGoals", f"TAGame.PRI_TA:{tally}")
    counts = dictionary.read(data)
    assert TALLIES.index(tally) in counts.event_b[counts.event_code == EventCode.TALLY]
    _assert_same(data)


@pytest.mark.timeout(900)
def test_bodies_are_the_same_with_both_readers(
    parse: Parse, good_replays: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [path for path in good_replays if path.stat().st_size < 500_000]
    ours = [_told(parse(path)) for path in small]
    monkeypatch.setattr(readers, "native_module", None)
    assert [_told(parse(path)) for path in small] == ours


def _told(parsed: Parsed) -> tuple[object, ...]:
    """All but who read it, and what the operator is told of that."""
    return parsed.data, parsed.warnings, parsed.timeline


def test_the_native_reader_is_taken_where_it_is_there(small: Path) -> None:
    decoded = decode(small.read_bytes())
    assert (decoded.reader, decoded.native_fault) == ("native", None)


def test_without_the_native_reader_the_dictionary_reader_is_taken(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "native_module", None)
    assert decode(small.read_bytes()).reader == "dictionary"
    assert readers.why_not_native() is not None


def test_another_layout_is_refused(
    small: Path, native_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_module, "LAYOUT", 99)
    assert decode(small.read_bytes()).reader == "dictionary"
    assert f"layout 99, not {readers.LAYOUT}" in (readers.why_not_native() or "")


def _stale(message: str) -> Callable[[bytes], StreamLog]:
    def read(data: bytes) -> StreamLog:
        raise ReadFailed(message)

    return read


def _stops_at(frame: int, reader: Callable[[bytes], StreamLog]) -> Callable[[bytes], StreamLog]:
    """A reader that knows no frame from this one on."""

    def read(data: bytes) -> StreamLog:
        log = reader(data)
        if log.frame_count > frame:
            raise ReadFailed(f"Error decoding frame: noise\nCurrent frame: {frame} (time: 1)")
        return log

    return read


def test_an_attribute_that_only_the_dictionary_reader_knows_costs_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = decode(small.read_bytes())
    message = f"Error decoding frame: {_UNKNOWN}attribute stream id: 7\nattribute: A_TA:New\n"
    monkeypatch.setattr(native, "read", _stale(f"{message}\nCurrent frame: 0 (time: 0)"))
    decoded = decode(small.read_bytes())
    assert decoded.reader == "dictionary"
    assert decoded.complete
    assert decoded.warnings == ()
    assert "A_TA:New is unknown" in (decoded.native_fault or "")
    np.testing.assert_array_equal(decoded.frames.time_s, whole.frames.time_s)


def test_the_operator_is_told_once_a_build_that_the_native_reader_is_stale(
    parse: Parse, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = parse(small)
    assert (new.notice, new.reader) == ("", f"native reader, boxcars {readers.boxcars()}")
    notices = set()
    for frame in (10, 20):
        monkeypatch.setattr(native, "read", _stops_at(frame, native.read))
        old = parse(small)
        assert old.reader.startswith("dictionary reader, subtr-actor-py 1.")
        assert (old.data, old.warnings) == (new.data, new.warnings)
        notices.add(old.notice)
    (notice,) = notices
    assert f"boxcars {readers.boxcars()}" in notice
    assert "game build" in notice


def test_a_damaged_replay_is_no_reason_to_tell_the_operator_of_a_stale_reader(
    parse: Parse, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "read", _stops_at(10, native.read))
    monkeypatch.setattr(dictionary, "read", _stops_at(10, dictionary.read))
    parsed = parse(small)
    assert parsed.warnings
    assert parsed.notice == ""


@pytest.mark.parametrize(
    ("ours", "theirs", "reader", "count"),
    [(10, 20, "dictionary", 20), (20, 10, "native", 20), (20, 20, "native", 20)],
)
def test_the_longer_of_two_partial_results_wins(
    small: Path, monkeypatch: pytest.MonkeyPatch, ours: int, theirs: int, reader: str, count: int
) -> None:
    monkeypatch.setattr(native, "read", _stops_at(ours, native.read))
    monkeypatch.setattr(dictionary, "read", _stops_at(theirs, dictionary.read))
    decoded = decode(small.read_bytes())
    assert (decoded.reader, decoded.frames.count, decoded.complete) == (reader, count, False)
    assert f"up to frame {count} only" in decoded.warnings[0]


def test_what_the_dictionary_reader_can_not_read_at_all_is_read_by_the_native_one(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "read", _stops_at(10, native.read))
    monkeypatch.setattr(dictionary, "read", _stale("nothing"))
    assert decode(small.read_bytes()).frames.count == 10


def test_what_nobody_can_read_fails_typed() -> None:
    with pytest.raises(DecodeFailed, match="Insufficient data"):
        decode(b"")


@pytest.mark.parametrize("read", [native.read, dictionary.read])
def test_columns_can_not_be_written(read: Callable[[bytes], StreamLog]) -> None:
    log = read(_SMALL)
    columns = [getattr(log, column.name) for column in dataclasses.fields(log)]
    assert not any(column.flags.writeable for column in columns if isinstance(column, np.ndarray))


@pytest.mark.parametrize("data", [None, "text", 7, bytearray(b"x")])
def test_the_native_reader_takes_bytes_alone(native_module: ModuleType, data: Any) -> None:
    with pytest.raises(TypeError):
        native_module.read(data)


def test_other_threads_go_on_while_the_native_reader_reads(native_module: ModuleType) -> None:
    """The interpreter is told to keep a thread for ages; only a reader that lets go gives way."""
    data = synthetic_replay(believable_match(team_size=2), frames=900)
    began, stop = threading.Event(), threading.Event()
    reads: list[int] = []

    def read_on() -> None:
        began.set()
        while not stop.is_set() and len(reads) < 300:
            native_module.read(data)
            reads.append(1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=read_on)
        thread.start()
        began.wait()
        stop.set()
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(reads) < 300
