"""Errors of the server that no parse can have; the others are `parsekit.errors`."""

from __future__ import annotations

from parsekit.errors import ParsekitError


class NotSignedIn(ParsekitError):
    """The call brings no token, or one that nobody has."""

    code = "unauthorized"


class Forbidden(ParsekitError):
    """The token is known, and may not do this."""

    code = "forbidden"


class NotFound(ParsekitError):
    """There is nothing under this id that the caller may see."""

    code = "not_found"


class Busy(ParsekitError):
    """So many ask at once that this one can't be answered now."""

    code = "busy"
    retryable = True


class DiskFull(ParsekitError):
    """There is no room for another replay. What is there can be read, changed and deleted."""

    code = "disk_full"
    retryable = True


class SiteUnavailable(ParsekitError):
    """Another site can't be reached, or answers with errors again and again."""

    code = "site_unavailable"
    retryable = True
