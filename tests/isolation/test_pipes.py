"""No read and no write outlasts its time, however ready the other end keeps the pipe."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Iterator

import pytest

from parsekit.isolation import pipes

Ends = tuple[int, int]


@pytest.fixture
def ends() -> Iterator[Ends]:
    pair = os.pipe()
    for end in pair:
        os.set_blocking(end, False)
    yield pair
    for end in pair:
        os.close(end)


def test_a_pipe_that_is_always_ready_is_read_no_longer(ends: Ends):
    os.write(ends[1], b"x" * 10)
    with pytest.raises(TimeoutError):
        pipes.read(ends[0], 10, time.monotonic() - 1)


def test_what_another_took_out_of_the_pipe_is_waited_for_until_the_end(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
):
    """It was ready for the selector, and is empty by the time that it is read."""
    monkeypatch.setattr(selectors.DefaultSelector, "select", lambda *_: ["ready"])
    with pytest.raises(TimeoutError):
        pipes.read(ends[0], 10, time.monotonic() + 0.3)


def test_a_full_pipe_is_waited_for_until_the_end(ends: Ends):
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        pipes.write(ends[1], b"x" * (4 << 20), began + 0.3)
    assert 0.3 <= time.monotonic() - began < 5


def test_a_reader_that_is_gone_is_no_timeout():
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError):
        pipes.write(write, b"x", time.monotonic() + 5)
    os.close(write)
