"""From what the store answered to what the operator can do about it."""

from __future__ import annotations

from http import HTTPStatus

from parsekit.errors import (
    BadRequest,
    ConfigInvalid,
    ParsekitError,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)
from parsekit_storage_minio.client import Target
from parsekit_storage_minio.permission import Permission
from parsekit_storage_minio.store_error import Elsewhere, StoreError, Untrusted, Unusable

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


def meaning(error: StoreError, key: str, target: Target) -> ParsekitError:
    """The published error of a request about this key."""
    place = f"{target.bucket}/{key} at {target.endpoint}"
    misled = _wrong_address(error, target)
    if misled is not None:
        return ConfigInvalid(misled)
    if error.missing and error.needed is not Permission.WRITE:
        return ReplayNotFound(f"there is no {place}")
    advice = _CODES.get(error.code or "") or _STATUSES.get(error.status or 0)
    if advice is None and error.passing:
        return StorageUnavailable(f"{place}: {error.said}; check that the store is up")
    kind, words = advice or _by_default(error)
    return kind(f"the store refused {error.needed} on {place} ({error.said}); {words}")


def _wrong_address(error: StoreError, target: Target) -> str | None:
    """What is wrong with the settings that say which store, if something is."""
    at = target.endpoint
    if error.code == "NoSuchBucket":
        return f"minio.bucket: there is no bucket {target.bucket!r} at {at}; create it"
    if isinstance(error, Untrusted):
        return (
            f"minio.ca_file: the certificate of {at} is not trusted ({error.reason});"
            " name the authority that signed it, and the store by a name in it"
        )
    if error.code in _WRONG_REGION:
        return f"minio.region: {target.region!r} is the wrong region for {at}; set the bucket's own"
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
        return StorageDenied, _GRANTS[error.needed]
    return ConfigInvalid, "see the store's log for what it can't accept"
