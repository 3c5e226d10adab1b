"""Secrets taken out of text: those that this process has read, and whatever looks like one.

`remember` is called where a secret is read, so that `cleaned` finds it in any library's message,
traceback or error, in whatever form it got there.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
#: A shorter secret is no secret, and masking it would eat up words and numbers.
MIN_CHARACTERS = 6

#: User, password or token before the @ of a URL: which of them is a secret, nobody can tell.
_USER_PART = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY = re.compile(
    r"([?&;](?:[\w.-]{0,40}(?:password|passwd|secret|token|key|signature|credential)[\w.-]{0,40})=)"
    r"[^&;#\s]*",
    re.IGNORECASE,
)
#: User and password, also where the password holds what it should not, or the URL is none.
_ACCOUNTS = (re.compile(r"://([^\s:/@]*):(\S+)@"), re.compile(r"([^\s:/@]*):([^\s:/@]+)@"))

_QUOTED = r"""\\*"[^"]*"|\\*'[^']*'"""
#: A header in any notation: as it is sent, in a dictionary, in a pair, in a command line.
_AUTHORIZATION = re.compile(
    rf"""(authorization\\*["']?\s*[:=,]\s*b?)({_QUOTED}|[^\r\n]+)""", re.IGNORECASE
)
_NAMED = re.compile(
    r"((?:password|passwd|secret|token|credential|signature|api_?key|access_?key)"
    rf"""[\w.-]{{0,40}}(?<!_file))(\\*["']?\s*=\s*b?|\\*["']\s*[:,]\s*b?)"""
    rf"""({_QUOTED}|[^\s"'&;,#)}}\]]+)""",
    re.IGNORECASE,
)
#: Words of which one must be there for `_NAMED` to find anything: looking for them is cheaper.
_NAMES = ("passw", "secret", "token", "credential", "signature", "apikey", "api_key", "access")
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")

#: Of these one must be there, in small letters, for any pattern to find anything.
_SIGNS = (
    "key",
    "passw",
    "secret",
    "token",
    "credential",
    "signature",
    "authori",
    "://",
    "akia",
    "asia",
)

#: Characters in which `short` looks for secrets.
_MAX_SHORTENED = 16 * 1024

#: Every form of every secret, the longest first.
_known: tuple[str, ...] = ()
_learning = threading.Lock()
#: Called when something is remembered, before whoever read it has it.
_listeners: list[Callable[[], None]] = []


def remember(secret: str) -> None:
    """Mask this text from now on, wherever `cleaned` meets it; one that is too short is ignored."""
    global _known  # noqa: PLW0603  (one process, one set of secrets)
    forms = {form for line in (secret, *secret.splitlines()) for form in _forms(line.strip())}
    with _learning:
        _known = tuple(sorted({*_known, *forms}, key=len, reverse=True))
    for listener in _listeners:
        listener()


def when_remembering(listener: Callable[[], None]) -> None:
    """Call this from now on whenever this process learns of a secret; it isn't told which."""
    _listeners.append(listener)


def remember_urls(text: str) -> None:
    """Mask the passwords of the URLs in this text from now on.

    Not one that is the user's name as well: of such well-known accounts the name is in every log.
    """
    for pattern in _ACCOUNTS:
        for user, password in pattern.findall(text):
            if password != user:
                remember(password)
                remember(unquote(password))


def cleaned(text: str) -> str:
    """The text without secrets. Leaves it as it is when it can't hold one, within microseconds."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, MASK)
    if "=" in text or '"' in text or "'" in text:
        lowered = text.lower()
        if "authorization" in lowered:
            text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
        if any(name in lowered for name in _NAMES):
            text = _NAMED.sub(rf"\1\2{MASK}", text)
    elif ":" in text and "authorization" in text.lower():
        text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
    if "AKIA" in text or "ASIA" in text:
        text = _AWS_KEY.sub(MASK, text)
    return redacted_text(text)


def short(text: str, characters: int) -> str:
    """The text without secrets, in one line. Cut last, as nobody finds half a secret."""
    return " ".join(cleaned(text[:_MAX_SHORTENED]).split())[:characters]


def may_hold_secret(text: str) -> bool:
    """Whether `cleaned` could find something in this text; takes microseconds."""
    lowered = text.lower()
    for sign in _SIGNS:  # a generator for any() takes twice as long
        if sign in lowered:
            return True
    return any(secret in text for secret in _known)


def redacted_text(text: str) -> str:
    """Mask user parts and secret parameters of whatever URLs stand in a text."""
    if "://" in text:
        text = _USER_PART.sub(f"{MASK}@", text)
    return _QUERY.sub(rf"\1{MASK}", text) if "=" in text else text


def _forms(secret: str) -> set[str]:
    """A secret as it is, in a URL, in JSON, and as Python shows it."""
    if len(secret) < MIN_CHARACTERS:
        return set()
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
