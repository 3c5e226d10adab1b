"""From what the store answered to what the operator can do about it."""

from __future__ import annotations

from http import HTTPStatus

from parsekit.errors import (
    ConfigInvalid,
    ParsekitError,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)
from parsekit_storage_minio.client import Target
from parsekit_storage_minio.store_error import StoreError, Untrusted

_WRONG_REGION = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_REFUSED_BECAUSE = {
    "RequestTimeTooSkewed": "the clocks of this machine and the store differ; set both by NTP",
    "InvalidAccessKeyId": "the store does not know the access key; check minio.access_key_file",
    "SignatureDoesNotMatch": "the secret key does not fit; check minio.secret_key_file",
    "ExpiredToken": "the temporary keys have expired; renew them",
    "InvalidToken": "the session token does not fit the keys; renew them",
}


def meaning(error: StoreError, action: str, key: str, target: Target) -> ParsekitError:
    """The published error; ``action`` is the permission that the request needed."""
    place = f"{target.bucket}/{key} at {target.endpoint}"
    if error.code == "NoSuchBucket":
        return ConfigInvalid(
            f"minio.bucket: there is no bucket {target.bucket!r} at {target.endpoint}; create it"
        )
    if isinstance(error, Untrusted):
        return ConfigInvalid(
            f"minio.ca_file: the certificate of {target.endpoint} is not trusted ({error.reason});"
            " name the authority that signed it, and the store by a name in it"
        )
    if error.missing:
        return ReplayNotFound(f"there is no {place}")
    if _is_wrong_region(error):
        return ConfigInvalid(
            f"minio.region: {target.region!r} is the wrong region for {target.endpoint};"
            " set the bucket's own"
        )
    if error.passing:
        return _unavailable(error, place)
    return _denied(error, action, place)


def _is_wrong_region(error: StoreError) -> bool:
    moved = error.status in (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT)
    return moved or error.code in _WRONG_REGION


def _unavailable(error: StoreError, place: str) -> ParsekitError:
    said = f"{error.reason} {error.code or ''}".strip()
    return StorageUnavailable(f"{place}: {said}; check that the store is up")


def _denied(error: StoreError, action: str, place: str) -> ParsekitError:
    said = f"{error.reason} {error.code or ''}".strip()
    advice = _REFUSED_BECAUSE.get(error.code or "", f"grant {action} to the access key")
    return StorageDenied(f"the store refused {action} on {place} ({said}); {advice}")
