"""A local parser's secrets are read in a child process: its parent never learns what to mask."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parsekit.errors import ParserFailed
from parsekit.model import Replay
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.providers import ProviderContext

PLUGINS = Path(__file__).parent / "plugins"


SPEC = ParserSpec(
    parser="leaky-local",
    create="parsekit_leaky:LeakyLocal",
    context=ProviderContext(),
    search_path=(str(PLUGINS), *sys.path),
)


@pytest.fixture
def pool() -> Iterator[ParsePool]:
    pool = ParsePool(1 << 30)
    yield pool
    pool.close()


def request(folder: Path, name: str) -> ParseRequest:
    file = folder / f"{name}.replay"
    file.write_bytes(b"")
    return ParseRequest(
        replay=Replay(path=file, name=file.name, sha256="0" * 64, size_bytes=1),
        task_id="t",
        bulk=False,
        has_fallback=False,
        parse_seconds=30,
    )


def test_a_child_masks_what_it_has_read_itself(pool: ParsePool, tmp_path: Path) -> None:
    heard: list[str] = []
    with pytest.raises(ParserFailed) as failed:
        pool.parse(SPEC, request(tmp_path, "a"), lambda _value, message: heard.append(message))
    failure = "RuntimeError: can't parse with '***'"
    assert failed.value.message == f"parser 'leaky-local' failed: {failure}"
    assert heard == ["parsing with ***"]
    (note,) = failed.value.__notes__
    assert "parsekit_leaky.py" in note
    assert note.endswith(f"{failure}\n")


def test_warnings_are_masked_too(pool: ParsePool, tmp_path: Path) -> None:
    parsed = pool.parse(SPEC, request(tmp_path, "warns"), lambda _value, _message: None)
    assert parsed.warnings == ("parsed with ***",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("panics", "parser 'leaky-local' crashed (SIGABRT)"),
        ("hoards", "parser 'leaky-local' needed more than limits.parse_memory (1024 MiB)"),
    ],
)
def test_the_last_words_of_a_child_that_knows_a_secret_are_kept_back(
    pool: ParsePool, tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(ParserFailed) as failed:
        pool.parse(SPEC, request(tmp_path, name), lambda _value, _message: None)
    assert failed.value.message == words
