"""The parts of a multipart body, handed on while the body arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from parsekit.errors import BadRequest, ReplayTooLarge

#: What a body may have beside a file: boundaries, headers, fields that nobody reads.
SPARE_BYTES = 64 * 1024
#: Bytes of a part that are gathered before they are handed on.
_BLOCK_BYTES = 1024 * 1024
#: Longest pause of a client in the middle of its body, seconds.
_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins; its content follows. ``filename`` is "" where it names none."""

    name: str
    filename: str


class PartReader:
    """Finds starts and contents of the parts in pieces of a body."""

    def __init__(self, content_type: str, *, spare_bytes: int) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadRequest("send the replay as multipart/form-data, in a part named file")
        self._found: list[PartStart | bytes] = []
        self._name, self._value = b"", b""
        self._disposition = b""
        self._inside = False
        self._spare_bytes = spare_bytes
        self._beside_bytes = 0
        try:
            self._parser = self._parser_of(options[b"boundary"])
        except FormParserError as error:
            raise BadRequest(f"the body can't be read: {error}") from error

    def _parser_of(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_data,
            },
        )

    def feed(self, block: bytes) -> list[PartStart | bytes]:
        """What the next piece of the body has.

        Raises `BadRequest` for what is no multipart, and for more than the spare bytes beside the
        files, which cost far more to read than they do.
        """
        self._beside_bytes += len(block)
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise BadRequest(f"the body is no multipart/form-data: {error}") from error
        if self._beside_bytes > self._spare_bytes:
            raise BadRequest(f"the body has more than {self._spare_bytes} bytes beside its files")
        found, self._found = self._found, []
        return found

    def _begin(self) -> None:
        self._disposition = b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _end_headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        known = options if kind == b"form-data" else {}
        name, filename = (known.get(each, b"") for each in (b"name", b"filename"))
        self._inside = name == b"file"
        self._found.append(
            PartStart(name.decode(errors="replace"), filename.decode(errors="replace"))
        )

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])
        if self._inside:
            self._beside_bytes -= end - start


async def parts_of(
    request: Request, *, max_bytes: int, spare_bytes: int = SPARE_BYTES
) -> AsyncIterator[PartStart | bytes]:
    """Each part of a body: its start, then its content in pieces of a mebibyte or less.

    Raises `BadRequest` for a body that is no multipart, has more than ``spare_bytes`` beside parts
    named file, or pauses for long, and `ReplayTooLarge` for one of more than ``max_bytes``.
    """
    reader = PartReader(request.headers.get("Content-Type", ""), spare_bytes=spare_bytes)
    waiting, total_bytes = bytearray(), 0
    async for block in _blocks(request):
        total_bytes += len(block)
        if total_bytes > max_bytes:
            raise ReplayTooLarge(f"the body is larger than the {max_bytes} bytes that it may have")
        for found in reader.feed(block):
            if isinstance(found, bytes):
                waiting += found
            if waiting and (isinstance(found, PartStart) or len(waiting) >= _BLOCK_BYTES):
                yield bytes(waiting)
                waiting.clear()
            if isinstance(found, PartStart):
                yield found
    if waiting:
        yield bytes(waiting)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(_PAUSE_S):
                block = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BadRequest(f"nothing of the body came for {_PAUSE_S:.0f} s") from None
        yield block
