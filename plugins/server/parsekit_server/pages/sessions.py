"""Who is signed in, by the cookie of a browser.

Sessions are in memory: whoever restarts the server signs everybody out. A session has the digest
of its token alone, and asks the catalogue each time, so that a token that is revoked ends it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

#: Seconds after which a session ends that nobody uses.
_IDLE_S = 12 * 3600.0
#: Sessions at once; the one that was longest unused makes room.
_MOST = 10_000
#: Sessions of one token, so that nobody signs everybody else out.
_MOST_OF_TOKEN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """``form_token`` comes with each form of this session's pages, and has to come back."""

    token_digest: str
    form_token: str
    used_s: float


class BrowserSessions:
    """Every session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, BrowserSession] = OrderedDict()

    def begin(self, token_digest: str) -> str:
        """Begin one; the answer goes into the cookie."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            own = [key for key, it in self._sessions.items() if it.token_digest == token_digest]
            if len(own) >= _MOST_OF_TOKEN:
                del self._sessions[own[0]]
            self._sessions[name] = BrowserSession(
                token_digest=token_digest,
                form_token=secrets.token_urlsafe(32),
                used_s=time.monotonic(),
            )
            if len(self._sessions) > _MOST:
                self._sessions.popitem(last=False)
        return name

    def find(self, name: str) -> BrowserSession | None:
        """The session of a cookie; None for one that is over."""
        now_s = time.monotonic()
        with self._lock:
            found = self._sessions.pop(name, None)
            if found is None or now_s - found.used_s > _IDLE_S:
                return None
            used = BrowserSession(
                token_digest=found.token_digest, form_token=found.form_token, used_s=now_s
            )
            self._sessions[name] = used
            return used

    def end(self, name: str) -> None:
        """End one."""
        with self._lock:
            self._sessions.pop(name, None)
