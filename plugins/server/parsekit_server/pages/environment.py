"""The templates, and the files that pages link."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages link, under an address that changes with its content."""

    content: bytes
    media_type: str
    address: str


@cache
def assets() -> dict[str, Asset]:
    """Every such file by its name."""
    return {path.name: _asset(path) for path in sorted((_HERE / "assets").iterdir())}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    version = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, _MEDIA_TYPES[path.suffix], f"/assets/{path.name}?{version}")


@cache
def environment() -> Environment:
    """The templates; whatever is put into one is text, unless it is marked as HTML."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset={name: each.address for name, each in assets().items()})
    return made
