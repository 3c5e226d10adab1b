from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import subtr_actor
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.errors import InvalidReplay, ReplayNotFound
from parsekit.testing import believable_match, synthetic_replay, write_replay
from parsekit_local.header.facts import header_facts
from parsekit_local.header.properties import Choice, Structure, Value
from parsekit_local.header.reader import parse_header, read_header

_SYNTHETIC = synthetic_replay(believable_match(team_size=3, bots=1), frames=0)
_HEADER_END = 8 + struct.unpack_from("<i", _SYNTHETIC)[0]


def _as_library(value: Value) -> Any:
    if isinstance(value, Choice):
        return {"kind": value.kind, "value": value.value}
    if isinstance(value, Structure):
        return {"name": value.name, "fields": _fields(value.fields)}
    if isinstance(value, list):
        return [_fields(item) for item in value]
    return value


def _fields(values: dict[str, Value]) -> dict[str, Any]:
    """The library leaves out single bytes, and writes 64-bit numbers as text."""
    return {
        name: _as_library(value)
        for name, value in values.items()
        if not (isinstance(value, Choice) and value.kind == "None")
    }


def _numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbers_as_text(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_header_agrees_with_the_library_on_every_real_replay(good_replays: list[Path]) -> None:
    for path in good_replays:
        header, library = read_header(path), subtr_actor.parse_replay(path.read_bytes())
        assert (
            header.major_version,
            header.minor_version,
            header.net_version,
            header.game_type,
        ) == (
            library["major_version"],
            library["minor_version"],
            library["net_version"],
            library["game_type"],
        )
        ours = _numbers_as_text(_fields(header.properties))
        assert ours == _numbers_as_text(library["properties"]), path.name


def test_header_of_a_damaged_body_is_still_read(shared: Path) -> None:
    header = read_header(shared / "replays" / "bad" / "fuzz-list-too-large.replay")
    assert header_facts(header).map_code == "stadium_foggy_p"


def test_reading_stops_after_the_header(tmp_path: Path) -> None:
    cut = tmp_path / "header-only.replay"
    cut.write_bytes(_SYNTHETIC[:_HEADER_END])
    assert read_header(cut) == parse_header(_SYNTHETIC)


def test_net_version_needs_major_and_minor_version() -> None:
    values = _text("game") + _text("None")
    assert parse_header(_file(struct.pack("<ii", 868, 17) + values)).net_version is None
    assert parse_header(_file(struct.pack("<iii", 868, 18, 2) + values)).net_version == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "at byte 0"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "at byte 0"),
        (b"Hello, this is a text and no replay" * 10, "at byte 0"),
        (bytes(200), "at byte 0: its size is 0"),
        (struct.pack("<iI", -5, 0) + bytes(50), "its size is -5"),
        (struct.pack("<iI", 2_000_000_000, 0) + bytes(50), "its size is 2000000000"),
        (_SYNTHETIC[: _HEADER_END // 2], "inside its header"),
    ],
)
def test_what_is_no_header_is_an_invalid_replay(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidReplay, match=reason):
        parse_header(content)


def _text(text: str) -> bytes:
    return struct.pack("<i", len(text) + 1) + text.encode() + b"\0"


def _header_of(properties: bytes) -> bytes:
    return _file(struct.pack("<iii", 868, 32, 10) + _text("game") + properties)


def _file(header: bytes) -> bytes:
    return struct.pack("<iI", len(header), 0) + header


def _array_of(count: int, name: str = "Goals") -> bytes:
    return _text(name) + _text("ArrayProperty") + bytes(8) + struct.pack("<i", count)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        (_array_of(2_000_000_000), "a list of 2000000000 items"),
        (_array_of(-1), "a list of -1 items"),
        (_array_of(1) * 40, "nested deeper than 16"),
        (struct.pack("<i", 2_000_000_000), "a text of 2000000000 characters"),
        (struct.pack("<i", -2_147_483_648), "a text of 2147483648 characters"),
        (_text("Name") + _text("MoneyProperty") + bytes(8), "'MoneyProperty'"),
        (_text("Name") + _text("IntProperty") + bytes(9), "4 bytes are announced and 1 are left"),
        (struct.pack("<i", 0), "a value without a name"),
        (b"", "4 bytes are announced and 0 are left"),
    ],
)
def test_hostile_values_are_refused_naming_the_byte(properties: bytes, reason: str) -> None:
    with pytest.raises(InvalidReplay, match=reason) as refusal:
        parse_header(_header_of(properties))
    assert "at byte " in refusal.value.message


def test_a_small_file_can_not_ask_for_endless_work() -> None:
    """An empty item takes nine bytes, so that 4 MB could hold 400 000 of them."""
    items = _array_of(25_000) + _text("None") * 25_000
    with pytest.raises(InvalidReplay, match="more than 100000 values"):
        parse_header(_header_of(items * 5))


def test_an_unreadable_file_is_not_called_broken(tmp_path: Path) -> None:
    with pytest.raises(ReplayNotFound, match=r"gone\.replay"):
        read_header(tmp_path / "gone.replay")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_else(content: bytes) -> None:
    _only_published_errors(_header_of(content))
    _only_published_errors(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_bytes_raise_nothing_else(data: st.DataObject) -> None:
    content = bytearray(_SYNTHETIC[:_HEADER_END])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(8, _HEADER_END - 1))] = data.draw(st.integers(0, 255))
    _only_published_errors(bytes(content))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, _HEADER_END - 1))
def test_every_cut_is_an_invalid_replay(length: int) -> None:
    with pytest.raises(InvalidReplay):
        parse_header(_SYNTHETIC[:length])


def _only_published_errors(content: bytes) -> None:
    with suppress(InvalidReplay):
        header_facts(parse_header(content))


def test_facts_of_a_synthetic_header(tmp_path: Path) -> None:
    match = believable_match(team_size=3, bots=1)
    facts = header_facts(read_header(write_replay(tmp_path / "a.replay", match, frames=0)))
    assert facts.title == match.title
    assert [player.name for player in facts.players] == [p.name for _, p in match.players()]
    assert [player.is_bot for player in facts.players].count(True) == 1
    assert all(player.account is None for player in facts.players if player.is_bot)
