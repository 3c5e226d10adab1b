"""Addresses in settings: several in one, chains of fsspec's, and those that can't be read.

No message repeats an address: whatever is wrong in it may be a password.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

#: Advice for whoever wrote something else.
UNUSABLE = (
    "no usable address; write scheme://host:port/path, with IPv6 in [brackets], a port up to "
    "65535, and / ? # @ [ ] of a password as %2F %3F %23 %40 %5B %5D"
)
#: Between two links of a chain; inside of ``[::1]`` or of a password no scheme follows.
_LINK = re.compile(r"::(?=[A-Za-z][\w+.-]*(?:://|::))")
#: What fsspec does on this machine with a file of the link that follows.
_ON_THE_WAY = frozenset(
    ("blockcache", "cached", "dir", "filecache", "libarchive", "simplecache", "tar", "zip")
)


def addresses_in(value: str) -> list[str]:
    """Each address that a setting names.

    Kombu takes several in one, and connects to any of them. Of a chain such as
    ``simplecache::https://host/x`` each link is one, but for what only caches or unpacks.
    """
    return [link for address in value.split(";") if address for link in _links(address)]


def parts_of(address: str) -> SplitResult | None:
    """The parts; None when it can't be taken apart."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def is_usable(value: str, *, port: bool = True) -> bool:
    """Whether all addresses of a setting can be taken apart, down to the ``port``.

    Only those after the first may do without a scheme.
    """
    return "://" in value and all(map(_has_port if port else parts_of, addresses_in(value)))


def _has_port(address: str) -> bool:
    parts = parts_of(address)
    try:
        # Several hosts in one address are for clients that take it apart themselves.
        return parts is not None and ("," in parts.netloc or (parts.port or 0) >= 0)
    except ValueError:
        return False


def _links(address: str) -> list[str]:
    *links, last = _LINK.split(address)
    named = [link if "://" in link else f"{link}://" for link in links]
    return [*(link for link in named if link.partition(":")[0] not in _ON_THE_WAY), last]
