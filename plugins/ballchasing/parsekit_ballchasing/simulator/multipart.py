"""The one file in a multipart body, byte for byte."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilePart:
    """What was sent as ``file``."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content).hexdigest()


def file_part(content_type: str, body: bytes) -> FilePart | None:
    """The part named ``file``; None where there is none."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None:
        return None
    for part in body.split(b"--" + boundary[1].encode()):
        head, found, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[ ;]name="?file"?(;|\r|$)', head)
        filename = re.search(rb'filename="([^"]*)"', head)
        if found and name and filename:
            return FilePart(filename[1].decode(errors="replace"), content.removesuffix(b"\r\n"))
    return None
