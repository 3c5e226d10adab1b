"""What looks like a secret, though nobody in this process has read it, and how it is taken out."""

from __future__ import annotations

import re

MASK = "***"

#: User, password or token before the @ of a URL: which of them is a secret, nobody can tell. Some
#: passwords hold what they should not; behind a port or an IPv6 address stands a path.
_USER_PART = re.compile(
    r"""(?<=://)(?:[^/?#\s]*|[^/?#\s:@\[]*:(?!\d{0,5}[/?#])(?:(?!://)[^\s@"'])*)@"""
)
_NAME = "(?:pass(?:word|wd|phrase)|secret|token|(?:api|private)[_-]?key|access[_-]?key(?![_-]?id))"
_QUERY = re.compile(
    rf"([?&;](?:[\w.-]{{0,40}}(?:{_NAME}|key|signature|credential)[\w.-]{{0,40}}"
    r"|sig|auth)=)[^&;#\s]*",
    re.IGNORECASE,
)

#: Up to a quote that is escaped as the first one is; one that is escaped more stands in the text.
_QUOTED = r"""(?P<escape>\\*)(?P<quote>["'])(?s:.*?)(?:(?<!\\)(?P=escape)(?P=quote)|\Z)"""
_BYTES = """(?:b(?=["']))?"""
#: A header in any notation: as it is sent, in a dictionary, in a pair, in a command line.
_HEADER = re.compile(
    rf"""((?:authorization|cookie)(?:\\*["']?\s*[:=]|\\*["']\s*,)\s*{_BYTES})"""
    rf"""({_QUOTED}|[^\r\n]+)""",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"((?:{_NAME}|credential|signature)[\w.-]{{0,40}}(?<![_-]file)"
    rf"""(?:\\*["']?\s*=|\\*["']\s*[:,])\s*{_BYTES})"""
    rf"""({_QUOTED}|[\[({{][^\])}}\r\n]*[\])}}]?|[^\s"'&;,#)}}\]]+)""",
    re.IGNORECASE,
)
#: After a colon or an option, words of a sentence may follow as well, or a path, a host, the name
#: of an error: only what is one word with a digit, and none of these, is taken for a secret.
_SPOKEN = re.compile(
    rf"""((?:{_NAME}(?:[_-]key)?\s*:|(?:\s|\A)--[\w-]{{0,40}}{_NAME})\s+["']?)"""
    r"""(?!/\w+/)(?=[^\s\d]*\d)[\w+/=~$%!@#^&*-]{6,}+(?=[\s,;"')\]}\\]|\.?(?:\s|\Z))""",
    re.IGNORECASE,
)
_KEY_HEADER = re.compile(
    r"""((?<![\w-])x-[\w-]{0,40}(?:key|token|secret)\s*:\s*)[^\s"'\\,;]+""", re.IGNORECASE
)
#: Words of which one must be there for `_NAMED` and its like to find anything: looking for them is
#: cheaper.
_NAMES = ("passw", "passphrase", "secret", "token", "credential", "signature", "key")

#: Tokens that are known by how they begin: GitHub's, JWTs, those of headers.
_TOKENS = (
    re.compile(r"\b()(?:gh[pousr]|github_pat)_\w{20,}"),
    re.compile(r"(?<![\w-])()eyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*){1,3}"),
    re.compile(r"\b([Bb]earer +)(?=[^\s\d]*\d)[\w.~+/=%-]{8,}"),
)

#: Of these one must be there for any pattern to find anything: either what stands between a name
#: and its value, or a part of a token. Single characters are found ten times as fast.
_MARKS = ("=", ":", '"', "'", " --")
_PARTS_OF_TOKENS = ("eyJ", "earer ")
_PARTS_OF_GITHUB_TOKENS = ("gh", "github_pat_")
#: Besides a mark one of these must be there, in small letters.
_SIGNS = ("key", "pass", "secret", "token", "credential", "sig", "auth", "cookie", "://")


def without_lookalikes(text: str) -> str:
    """Mask what looks like a secret."""
    text = _without_named(text)
    if _has_token(text):
        for token in _TOKENS:
            text = token.sub(rf"\1{MASK}", text)
    return redacted_text(text)


def may_have_lookalikes(text: str) -> bool:
    """Whether `without_lookalikes` could find something in this text; takes a microsecond."""
    return (_has_mark(text) and _has_sign(text.lower())) or _has_token(text)


def redacted_text(text: str) -> str:
    """Mask user parts and secret parameters of whatever URLs stand in a text."""
    if "://" in text:
        text = _USER_PART.sub(f"{MASK}@", text)
    return redacted_parameters(text)


def redacted_parameters(text: str) -> str:
    """Mask secret parameters of whatever URLs stand in a text."""
    return _QUERY.sub(rf"\1{MASK}", text) if "=" in text else text


def _without_named(text: str) -> str:
    lowered = text.lower()
    if "authorization" in lowered or "cookie" in lowered:
        text = _HEADER.sub(rf"\1{MASK}", text)
    if any(name in lowered for name in _NAMES):
        text = _NAMED.sub(rf"\1{MASK}", text)
        text = _SPOKEN.sub(rf"\1{MASK}", text)
        if "x-" in lowered:
            text = _KEY_HEADER.sub(rf"\1{MASK}", text)
    return text


# Loops, as a generator for any() takes twice as long.
def _has_mark(text: str) -> bool:
    for mark in _MARKS:
        if mark in text:
            return True
    return text.startswith("--")


def _has_sign(lowered: str) -> bool:
    for sign in _SIGNS:  # noqa: SIM110  (see above)
        if sign in lowered:
            return True
    return False


def _has_token(text: str) -> bool:
    for part in _PARTS_OF_TOKENS:
        if part in text:
            return True
    return "_" in text and any(part in text for part in _PARTS_OF_GITHUB_TOKENS)
