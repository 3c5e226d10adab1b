"""What went wrong with a request: obstore's error, the store's answer, and the published error."""

from __future__ import annotations

import re
from enum import StrEnum
from http import HTTPStatus

from obstore.exceptions import (
    AlreadyExistsError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from parsekit.errors import (
    BadRequest,
    ConfigInvalid,
    ParsekitError,
    PluginFailed,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)
from parsekit_storage_minio.settings import MinioSettings

#: Statuses that pass by themselves: timeout, conflict of two writers, too many requests.
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
#: As S3 says some of it with status 400, by the code (AWS, "List of error codes").
_TRANSIENT_CODES = frozenset(
    (
        *("RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"),
        *("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"),
    )
)


class Permission(StrEnum):
    """What a request has to be allowed, in the words of S3's policies; HEAD needs what GET does."""

    READ = "s3:GetObject"
    WRITE = "s3:PutObject"
    DELETE = "s3:DeleteObject"
    LIST = "s3:ListBucket"


class StoreError(Exception):
    """An S3 request that failed.

    ``status`` is the HTTP status, None when no answer came; ``code`` the store's own word for it,
    None where the answer had no body. ``reason`` holds no header, signature or key. ``permission``
    is what the request had to be allowed, known to whoever sent it.
    """

    def __init__(self, reason: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code
        self.permission = Permission.READ

    @property
    def summary(self) -> str:
        """What happened in a few words, with the store's own."""
        return f"{self.reason} {self.code or ''}".strip()

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed in a moment."""
        if self.status is None or self.status in _TRANSIENT or self.code in _TRANSIENT_CODES:
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


class LastingError(StoreError):
    """Somebody has to change something before such a request can succeed."""

    @property
    def transient(self) -> bool:
        """Never."""
        return False


class Untrusted(LastingError):
    """The store's certificate does not prove that it is the store."""


class Elsewhere(LastingError):
    """The store sends us to another address, and only the operator says where the store is."""


class Unusable(LastingError):
    """obstore can make no request to such an address."""


class Forked(LastingError):
    """A process before our fork used obstore, whose threads stayed there: requests would hang."""

    def __init__(self) -> None:
        super().__init__("not sent after a fork")


def answered(status: int, code: str | None) -> StoreError:
    """The error of an answer: its status, and the store's own word where it has one."""
    moved = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return (Elsewhere if moved else StoreError)(f"status {int(status)}", status=status, code=code)


# --- obstore's errors: their class, and the text in which the store's answer stands

#: Where requests to other hosts are sent: nothing can listen on port 0, and no store has it.
DEAD_END = "127.0.0.1:0"

_STATUS_OF_CLASS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (FileNotFoundError, HTTPStatus.NOT_FOUND),
    (PermissionDeniedError, HTTPStatus.FORBIDDEN),
    (UnauthenticatedError, HTTPStatus.UNAUTHORIZED),
    (PreconditionError, HTTPStatus.PRECONDITION_FAILED),
    (AlreadyExistsError, HTTPStatus.PRECONDITION_FAILED),
)
#: The answer, behind words about the place that were taken off; addresses are percent-encoded.
_ANSWER = re.compile(
    r"(?:Generic S3 error: )?Error performing [A-Z]+ \S+ in \S+"
    r" - Server returned non-2xx status code: (?P<status>\d{3})"
)
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_ADDRESS = re.compile(r"https?://\S+")
#: What obstore's text says when no answer came, most telling first.
_REASONS = (
    ("InvalidContentType", "it does not speak TLS"),
    ("dns error", "its name is unknown"),
    ("Connection refused", "connection refused"),
    ("TimedOut", "no answer in time"),
    ("operation timed out", "no answer in time"),
    ("ConnectionReset", "connection reset"),
    ("IncompleteMessage", "connection closed before the answer"),
    ("Content-Length Header missing", "an answer without a length"),
    ("Header missing", "an answer without the headers of S3"),
)


def store_error(exc: Exception, key: str) -> StoreError:
    """What obstore raised, without its text. Callers choose keys, and one may imitate an answer."""
    text = _without_place(str(exc), key)
    if (answer := _ANSWER.match(text)) is not None:
        code = _CODE.search(text)
        return answered(int(answer["status"]), code[1] if code else None)
    for kind, status in _STATUS_OF_CLASS:
        if isinstance(exc, kind):
            return answered(status, None)
    return _unanswered(_ADDRESS.sub("", text))


def _without_place(text: str, key: str) -> str:
    """The text without the sentences that repeat the key, such as ``Object at location k ...``."""
    place = re.compile(rf"[A-Z][A-Za-z ]* (?:location|path) {re.escape(key)}(?: [a-z ]+)?: ")
    while (sentence := place.match(text)) is not None:
        text = text[sentence.end() :]
    return text


def _unanswered(text: str) -> StoreError:
    if "InvalidCertificate(" in text:
        return Untrusted(text.partition("InvalidCertificate(")[2].partition("(")[0].strip(" )"))
    if DEAD_END in text:
        return answered(HTTPStatus.FOUND, None)
    if "incorrectly configured region" in text:
        return answered(HTTPStatus.MOVED_PERMANENTLY, "PermanentRedirect")
    return StoreError(next((words for sign, words in _REASONS if sign in text), "no connection"))


# --- published errors, with what the operator can do

Advice = tuple[type[ParsekitError], str]

_NO_KEY = "the store does not know the access key; check minio.access_key_file"
_RENEW = "the temporary keys have expired; renew them"
_TOO_LARGE = "raise the largest size that the store, or a proxy before it, accepts"
#: The driver tries again later, and until then a result travels in the task's message.
_NO_ROOM = "make room in the store or raise its quota"
_NOT_S3 = "check that this is the port on which the store speaks S3"

#: What to do about the store's own words.
_CODES: dict[str, Advice] = {
    "RequestTimeTooSkewed": (
        StorageDenied,
        "the clocks of this machine and the store differ; set both by NTP",
    ),
    "InvalidAccessKeyId": (StorageDenied, _NO_KEY),
    "SignatureDoesNotMatch": (
        StorageDenied,
        "the secret key does not fit; check minio.secret_key_file",
    ),
    "ExpiredToken": (StorageDenied, _RENEW),
    "InvalidToken": (StorageDenied, "the session token does not fit the keys; renew them"),
    "InvalidObjectState": (StorageDenied, "the object is archived; restore it first"),
    "QuotaExceeded": (StorageUnavailable, _NO_ROOM),
    "XMinioAdminBucketQuotaExceeded": (StorageUnavailable, _NO_ROOM),
    "XMinioStorageFull": (StorageUnavailable, _NO_ROOM),
    "EntityTooLarge": (ConfigInvalid, _TOO_LARGE),
    "KeyTooLongError": (BadRequest, "choose a shorter name"),
    "InvalidBucketName": (ConfigInvalid, "check minio.bucket"),
}
#: What to do where the store has no word that we know.
_STATUSES: dict[int, Advice] = {
    HTTPStatus.UNAUTHORIZED: (StorageDenied, _NO_KEY),
    HTTPStatus.NOT_FOUND: (
        ConfigInvalid,
        f"check minio.bucket, and {_NOT_S3.removeprefix('check ')}",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (ConfigInvalid, _NOT_S3),
    HTTPStatus.LENGTH_REQUIRED: (ConfigInvalid, "have the proxy before the store pass lengths on"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (ConfigInvalid, _TOO_LARGE),
    HTTPStatus.REQUEST_URI_TOO_LONG: (BadRequest, "choose a shorter name"),
    HTTPStatus.NOT_IMPLEMENTED: (ConfigInvalid, "the store can't do this; use another"),
    HTTPStatus.INSUFFICIENT_STORAGE: (StorageUnavailable, _NO_ROOM),
}
_WRONG_REGION = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_GRANTS = {
    Permission.READ: f"grant {Permission.READ} to the access key, and {Permission.LIST} on the"
    " bucket, without which what is missing looks forbidden",
    Permission.WRITE: f"grant {Permission.WRITE} to the access key",
    Permission.DELETE: f"grant {Permission.DELETE} to the access key",
    Permission.LIST: f"grant {Permission.LIST} on the bucket to the access key",
}


def published_error(error: StoreError, key: str, settings: MinioSettings) -> ParsekitError:
    """What a request about this key raises to the host, with advice."""
    if isinstance(error, Forked):
        return PluginFailed(
            "the storage minio was used before the fork of this process, and can't be on both sides"
            " of one; use it in the children alone, or start them with spawn"
        )
    wrong = _wrong_setting(error, settings)
    if wrong is not None:
        return ConfigInvalid(wrong)
    place = f"{settings.bucket}/{key} at {settings.endpoint}"
    if error.missing and error.permission is not Permission.WRITE:
        return ReplayNotFound(f"there is no {place}")
    advice = _CODES.get(error.code or "") or _STATUSES.get(error.status or 0)
    if advice is None and error.transient:
        return StorageUnavailable(f"{place}: {error.summary}; check that the store is up")
    kind, words = advice or _by_default(error)
    return kind(f"the store refused {error.permission} on {place} ({error.summary}); {words}")


def _wrong_setting(error: StoreError, settings: MinioSettings) -> str | None:
    """What is wrong with the settings that say which store, if something is."""
    at = settings.endpoint
    if error.code == "NoSuchBucket":
        return f"minio.bucket: there is no bucket {settings.bucket!r} at {at}; create it"
    if isinstance(error, Untrusted):
        return (
            f"minio.ca_file: the certificate of {at} is not trusted ({error.reason});"
            " name the authority that signed it, and the store by a name in it"
        )
    if error.code in _WRONG_REGION:
        region = settings.region
        return f"minio.region: {region!r} is the wrong region for {at}; set the bucket's own"
    if isinstance(error, Unusable):
        return f"minio.hostname: {at} is an address that {error.reason}; correct it"
    if isinstance(error, Elsewhere):
        return (
            f"minio.hostname: {at} sends us to another address ({error.reason}), where keys and"
            " replays do not go; name the store's own address, or correct minio.region"
        )
    return None


def _by_default(error: StoreError) -> Advice:
    if error.status == HTTPStatus.FORBIDDEN:
        return StorageDenied, _GRANTS[error.permission]
    return ConfigInvalid, "see the store's log for what it can't accept"
