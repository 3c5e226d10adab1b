"""Secrets taken out of text: those that this process has read, and whatever looks like one.

`remember` is called where a secret is read, so that `cleaned` finds it in any library's message,
traceback or error, in whatever form it got there.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from itertools import product
from urllib.parse import quote, quote_plus, unquote

from parsekit.redaction.patterns import MASK, may_have_lookalikes, without_lookalikes

__all__ = [
    "MASK",
    "cleaned",
    "cleaned_name",
    "has_secrets",
    "may_hold_secret",
    "remember",
    "remember_urls",
    "short",
    "spare",
    "when_remembering",
]

#: A shorter secret is no secret, and masking it would eat up words and numbers.
MIN_CHARACTERS = 6

#: User and password, also where the password holds what it should not, or the URL is none.
_ACCOUNTS = (re.compile(r"://([^\s:/@]*):(\S+)@"), re.compile(r"([^\s:/@]*):([^\s:/@]+)@"))

#: Characters in which `short` looks for secrets.
_MAX_SHORTENED = 16 * 1024
#: Of a secret that is cut there, half may be left: so much of the end is not shown.
_MAX_HALF = 4 * 1024

_PERCENT = re.compile("%[0-9A-F]{2}")

#: Every form of every secret, the longest first.
_known: tuple[str, ...] = ()
#: What each of them begins with: these are fewer and sooner found.
_beginnings: tuple[str, ...] = ()
#: Names that this process gave itself; and those of them in which no secret is hidden.
_own: frozenset[str] = frozenset()
_spared: tuple[str, ...] = ()
_learning = threading.Lock()
#: Called when something is remembered, before whoever read it has it.
_listeners: list[Callable[[], None]] = []


def remember(secret: str) -> None:
    """Mask this text from now on, wherever `cleaned` meets it; one that is too short is ignored."""
    forms = {form for line in (secret, *secret.splitlines()) for form in _forms(line.strip())}
    _learn(forms | _in_base64(secret.strip()))


def spare(name: str) -> None:
    """Leave this name as it is from now on, also where a secret is a part of it.

    For names that parsekit makes itself, such as a worker's: an operator looks for them.
    """
    global _own  # noqa: PLW0603  (see `_learn`)
    with _learning:
        _own |= {name}
        _find_spared()


def _learn(forms: set[str]) -> None:
    global _known, _beginnings  # noqa: PLW0603  (one process, one set of secrets)
    with _learning:
        _known = tuple(sorted({*_known, *forms}, key=len, reverse=True))
        _beginnings = tuple({form[:MIN_CHARACTERS] for form in _known})
        _find_spared()
    for listener in _listeners:
        listener()


def _find_spared() -> None:
    global _spared  # noqa: PLW0603  (see `_learn`)
    _spared = tuple(name for name in _own if not any(name in secret for secret in _known))


def when_remembering(listener: Callable[[], None]) -> None:
    """Call this from now on whenever this process learns of a secret; not with the secret."""
    _listeners.append(listener)


def has_secrets() -> bool:
    """Whether this process has learned of a secret."""
    return bool(_known)


def remember_urls(text: str) -> None:
    """Mask the passwords of the URLs in this text from now on.

    Not one that is the user's name as well: of such well-known accounts the name is in every log.
    """
    # Of several in one, each is looked at alone too: what is greedy reads on to the last @ of all.
    addresses = {text, *text.split(";")}
    for pattern, address in product(_ACCOUNTS, addresses):
        for user, password in pattern.findall(address):
            if password != user:
                remember(password)
                remember(unquote(password))
                _learn(_in_base64(f"{unquote(user)}:{unquote(password)}"))  # as HTTP sends them


def cleaned(text: str) -> str:
    """The text without secrets. Leaves it as it is when it can't hold one, within microseconds."""
    if not may_hold_secret(text):
        return text
    spared = _spared
    for number, name in enumerate(spared):
        text = text.replace(name, f"\0{number}\0")
    for secret in _known:
        text = text.replace(secret, MASK)
    text = without_lookalikes(text)
    for number, name in enumerate(spared):
        text = text.replace(f"\0{number}\0", name)
    return text


def cleaned_name(name: str) -> str:
    """A name, as it was given: only a URL is looked through for secrets."""
    return cleaned(name) if "://" in name else name


def short(text: str, characters: int) -> str:
    """The text without secrets, in one line. Cut last, as nobody finds half a secret."""
    shown = cleaned(text[:_MAX_SHORTENED])
    if len(text) > _MAX_SHORTENED:
        shown = shown[:-_MAX_HALF]
    return " ".join(shown.split())[:characters]


def may_hold_secret(text: str) -> bool:
    """Whether `cleaned` could find something in this text; takes microseconds."""
    for beginning in _beginnings:  # a generator for any() takes twice as long
        if beginning in text:
            return True
    return may_have_lookalikes(text)


def _forms(secret: str) -> set[str]:
    """A secret as it is, in a URL, in JSON, and as Python shows it."""
    if len(secret) < MIN_CHARACTERS:
        return set()
    in_urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        *in_urls,
        *(_PERCENT.sub(lambda escape: escape[0].lower(), form) for form in in_urls),
        in_json,
        in_json.replace("/", "\\/"),
        repr(secret)[1:-1],
    }


def _in_base64(secret: str) -> set[str]:
    """Without the end, which depends on what follows."""
    if len(secret) < MIN_CHARACTERS:
        return set()
    raw = secret.encode(errors="surrogateescape")
    return {b64encode(raw).decode()[: len(raw) * 8 // 6]}
