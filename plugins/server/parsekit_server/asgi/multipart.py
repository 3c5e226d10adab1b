"""The file of a multipart body, handed on while the body arrives."""

from __future__ import annotations

from collections.abc import Callable

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from parsekit.errors import BadRequest

#: What a body may have beside the file: boundaries, headers, fields that nobody reads.
SPARE_BYTES = 64 * 1024


class ReceivedPart:
    """Finds the part named ``file`` and gives ``sink`` its content.

    ``filename`` is None until the part has begun, "" where it names none.
    """

    def __init__(self, content_type: str, sink: Callable[[bytes], None]) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadRequest("send the replay as multipart/form-data, in a part named file")
        self.filename: str | None = None
        self._sink = sink
        self._name, self._value = b"", b""
        self._disposition = b""
        self._inside = False
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
                "on_part_end": self._end,
            },
        )

    def feed(self, block: bytes) -> None:
        """Take the next piece of the body.

        Raises `BadRequest` for what is no multipart, and for more than `SPARE_BYTES` beside the
        file, which cost far more to read than it.
        """
        self._beside_bytes += len(block)
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise BadRequest(f"the body is no multipart/form-data: {error}") from error
        if self._beside_bytes > SPARE_BYTES:
            raise BadRequest(f"the body has more than {SPARE_BYTES} bytes beside the file")

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
        if kind == b"form-data" and options.get(b"name") == b"file" and self.filename is None:
            self.filename = options.get(b"filename", b"").decode(errors="replace")
            self._inside = True

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._sink(data[start:end])
            self._beside_bytes -= end - start

    def _end(self) -> None:
        self._inside = False
