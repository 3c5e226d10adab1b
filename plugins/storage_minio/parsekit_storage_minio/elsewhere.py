"""Where obstore may not go: to any host but the store's.

Its HTTP client follows redirects of HEAD and GET and can't be told not to. It can be told that all
hosts but one are behind a proxy, and there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:  # exists for type checkers only
    from obstore.store import ClientConfig

#: Nothing can listen on port 0, and no address of a store has it.
DEAD_END = "127.0.0.1:0"


def only(endpoint: str) -> ClientConfig:
    """Options that let obstore speak to this host alone.

    Where the environment names a proxy for it, that proxy is the only one that is spoken to, and
    has to refuse other hosts itself.
    """
    address = urlsplit(endpoint)
    behind_proxy = bool({address.scheme, "all"} & getproxies().keys())
    if behind_proxy and not proxy_bypass(address.netloc):
        return {}
    return {"proxy_url": f"http://{DEAD_END}", "proxy_excludes": address.hostname or ""}
