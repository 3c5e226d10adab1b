"""Text from replays and file names, made harmless for terminals and spreadsheets.

Player names and paths are the choice of strangers: they may hold escape sequences, line breaks,
marks that turn the direction of writing, or formulas.
"""

from __future__ import annotations

import re

#: Control characters, line and paragraph separators, halves of characters that stand for
#: undecodable bytes in paths, and format characters (category Cf): direction marks, and what is
#: invisible, such as spaces of no width and tags. Joiners stay, as emoji are made with them.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
#: What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@")


def printable(text: str) -> str:
    r"""Show what a terminal might obey as an escape such as ``\x1b``."""
    if text.isprintable():  # as most are, and nothing harmful is: seven times as fast
        return text
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose ends stay."""
    return "\n".join(printable(line) for line in text.splitlines())


def spreadsheet_safe(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula; printable besides."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
