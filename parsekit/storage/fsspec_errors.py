"""What an fsspec driver leaves unsaid: which package brings it, and what really went wrong."""

from __future__ import annotations

from http import HTTPStatus

#: What to install for a kind of URL, where fsspec would name a library that is only a part of it.
_BROUGHT_BY = {
    **dict.fromkeys(("s3", "s3a"), '"parsekit[s3]"'),
    **dict.fromkeys(("http", "https"), '"fsspec[http]"'),
}
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def missing_driver(url: str, error: Exception) -> str:
    """Say what to install, where the driver of a URL can't be loaded."""
    scheme = url.partition("://")[0]
    brought_by = _BROUGHT_BY.get(scheme)
    if brought_by:
        return f"there is no driver for {scheme}:// here; pip install {brought_by}"
    return f"there is no driver for {scheme}:// here: {' '.join(str(error).split())}"


def behind(error: Exception) -> Exception:
    """The failure behind an error.

    The driver for HTTP says FileNotFoundError of every failure, also of a server that is away, and
    keeps what it was as the cause. Other drivers say it of what is missing, whatever the cause.
    """
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or not isinstance(cause, Exception):
        return error
    of_http = type(cause).__module__.partition(".")[0] == "aiohttp"
    return cause if of_http or isinstance(cause, OSError) else error


def is_missing(error: Exception) -> bool:
    """Whether there is no such file."""
    return isinstance(error, FileNotFoundError | NotADirectoryError) or _status(error) in _MISSING


def is_refused(error: Exception) -> bool:
    """Whether we may not do this."""
    return isinstance(error, PermissionError) or _status(error) in _REFUSED


def answer_of(error: Exception) -> str:
    """What an HTTP server answered, "" where that was not the failure."""
    status = _status(error)
    return "" if status is None else f"the server answers {status} {_phrase(status)}".rstrip()


def _status(error: Exception) -> int | None:
    status = getattr(error, "status", None)
    return status if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST else None


def _phrase(status: int) -> str:
    """Servers make up statuses that have none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
