"""What obstore's errors mean: their class, and the text in which the store's answer stands."""

from __future__ import annotations

import re
from http import HTTPStatus

from obstore.exceptions import (
    AlreadyExistsError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from parsekit_storage_minio.elsewhere import DEAD_END
from parsekit_storage_minio.store_error import StoreError, Untrusted, answered

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


def meaning_of(exc: Exception, key: str) -> StoreError:
    """What the store or the way to it answered; callers choose keys, and one may imitate it."""
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
