"""What a store or the way to it answered, free of the library that heard it."""

from __future__ import annotations

from http import HTTPStatus

from parsekit_storage_minio.permission import Permission

#: What passes by itself: timeout, conflict of two writers, too many requests.
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
#: As S3 says some of it with status 400, by the code (AWS, "List of error codes").
_PASSING_CODES = frozenset(
    (
        *("RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"),
        *("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"),
    )
)


class StoreError(Exception):
    """An S3 request that failed.

    ``status`` is the HTTP status, None when no answer came; ``code`` the store's own word for it,
    None where the answer had no body. ``reason`` holds no header, signature or key. ``needed`` is
    what the request had to be allowed, known to whoever sent it.
    """

    def __init__(self, reason: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code
        self.needed = Permission.READ

    @property
    def said(self) -> str:
        """What happened in a few words, with the store's own."""
        return f"{self.reason} {self.code or ''}".strip()

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        if self.status is None or self.status in _PASSING or self.code in _PASSING_CODES:
            return True
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not self.not_implemented

    @property
    def missing(self) -> bool:
        """Whether there is no such object, as far as the store said."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def refused(self) -> bool:
        """Whether other keys may be granted what these are not."""
        return self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    @property
    def exists(self) -> bool:
        """Whether a conditional write found something there."""
        return self.status == HTTPStatus.PRECONDITION_FAILED

    @property
    def not_implemented(self) -> bool:
        """Whether the store does not know what was asked."""
        return self.status == HTTPStatus.NOT_IMPLEMENTED or self.code == "NotImplemented"


class Untrusted(StoreError):
    """The store's certificate does not prove that it is the store."""

    @property
    def passing(self) -> bool:
        """Never: somebody has to change something."""
        return False


class Elsewhere(StoreError):
    """The store sends us to another address, where we do not go."""

    @property
    def passing(self) -> bool:
        """Never: only the operator says where the store is."""
        return False


class Unusable(StoreError):
    """The library can make no request to such an address."""

    @property
    def passing(self) -> bool:
        """Never: somebody has to change it."""
        return False


def answered(status: int, code: str | None) -> StoreError:
    """The error of an answer: its status, and the store's own word where it has one."""
    moved = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return (Elsewhere if moved else StoreError)(f"status {int(status)}", status=status, code=code)
