"""S3 through s3fs, the driver that users of fsspec know."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from fsspec.asyn import sync
from s3fs import S3FileSystem

from parsekit import ObjectInfo
from parsekit_storage_minio.client import CONNECT_S, WRITER, Download, Target
from parsekit_storage_minio.staying_session import StayingSession
from parsekit_storage_minio.store_error import StoreError, Untrusted, answered

_BLOCK_BYTES = 256 * 1024
#: Beyond any wait that `S3fsClient` is given.
_WHOLE_REQUEST_S = 600


class S3fsClient:
    """See `parsekit_storage_minio.client.ObjectClient`.

    Requests go through `S3FileSystem.call_s3`: `info` would also list, `open` would ask twice,
    and paths would be searched for version numbers.
    """

    def __init__(self, target: Target) -> None:
        self._bucket = target.bucket
        self._driver = _made(target)

    def head(self, key: str, *, wait_s: float) -> ObjectInfo:
        """See `ObjectClient.head`."""
        return _info(self._ask("head_object", key, wait_s), key)

    @contextmanager
    def get(self, key: str, *, wait_s: float, whole_s: float) -> Iterator[Download]:  # noqa: ARG002
        """See `ObjectClient.get`."""
        answer = self._ask("get_object", key, wait_s)
        body = answer["Body"]
        try:
            yield Download(info=_info(answer, key), blocks=self._blocks(body, wait_s), gap_s=wait_s)
        finally:
            self._driver.loop.call_soon_threadsafe(body.close)

    def put(self, key: str, body: bytes, *, wait_s: float) -> None:
        """See `ObjectClient.put`."""
        self._upload(key, body, wait_s)

    def create(self, key: str, body: bytes, *, writer: str, wait_s: float) -> None:
        """See `ObjectClient.create`."""
        self._upload(key, body, wait_s, IfNoneMatch="*", Metadata={WRITER: writer})

    def writer_of(self, key: str, *, wait_s: float) -> str | None:
        """See `ObjectClient.writer_of`."""
        metadata: dict[str, str] = self._ask("head_object", key, wait_s).get("Metadata", {})
        return metadata.get(WRITER)

    def delete(self, key: str, *, wait_s: float) -> None:
        """See `ObjectClient.delete`."""
        self._ask("delete_object", key, wait_s)

    def _upload(self, key: str, body: bytes, wait_s: float, **more: Any) -> None:
        """Announce the sum too: aiohttp repeats a broken request, but with an empty body."""
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        announced = {"ContentMD5": base64.b64encode(digest).decode(), **more}
        self._ask("put_object", key, wait_s, Body=body, **announced)

    def _ask(self, method: str, key: str, wait_s: float, **more: Any) -> Any:
        with _store_errors():
            return self._driver.call_s3(
                method, Bucket=self._bucket, Key=key, timeout=wait_s, **more
            )

    def _blocks(self, body: Any, wait_s: float) -> Iterator[bytes]:
        with _store_errors():
            while block := sync(self._driver.loop, body.read, _BLOCK_BYTES, timeout=wait_s):
                yield block


def _made(target: Target) -> Any:
    driver = S3FileSystem(
        key=target.credentials.access_key,
        secret=target.credentials.secret_key,
        token=target.credentials.token,
        endpoint_url=target.endpoint,
        client_kwargs={
            "region_name": target.region,
            "verify": str(target.ca_file) if target.ca_file else None,
        },
        config_kwargs={
            "connect_timeout": CONNECT_S,
            "read_timeout": _WHOLE_REQUEST_S,
            "retries": {"total_max_attempts": 1},
            "http_session_cls": StayingSession,
            "s3": {"addressing_style": "path"},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    driver.retries = 1  # its own, on top of botocore's
    driver.connect()  # makes botocore's client, which takes a while, and connects to nothing
    return driver


def _info(answer: Any, key: str) -> ObjectInfo:
    if "ContentLength" not in answer:
        raise StoreError("an answer without a length")
    etag = answer.get("ETag", "").strip('"') or None
    return ObjectInfo(key=key, size_bytes=answer["ContentLength"], etag=etag)


@contextmanager
def _store_errors() -> Iterator[None]:
    """Raise what s3fs, botocore or aiohttp mean; their texts may repeat the access key."""
    try:
        yield
    except StoreError:
        raise
    except Exception as exc:  # noqa: BLE001  (aiohttp's errors share no class with botocore's)
        raise _meaning(exc) from None


def _meaning(exc: BaseException) -> StoreError:
    """Find the answer of the store behind the exception into which s3fs translated it."""
    chain: list[BaseException] = []
    cause: BaseException | None = exc
    while cause is not None and cause not in chain:
        chain.append(cause)
        # botocore's name for what a session raised; `__context__` may be an error of our own
        cause = cause.__cause__ or getattr(cause, "kwargs", {}).get("error")
    for item in chain:
        if isinstance(item, StoreError):  # `StayingSession`'s, wrapped
            return item
        if isinstance(item, ClientError):
            return _answered(item)
    text = " ".join(f"{type(item).__name__} {item}" for item in chain)
    if "CERTIFICATE_VERIFY_FAILED" in text or "CertificateError" in text:
        return Untrusted(text.rpartition("verify failed: ")[2].partition(" (")[0])
    return StoreError(_reason(text))


def _answered(exc: ClientError) -> StoreError:
    status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(exc.response.get("Error", {}).get("Code", ""))
    if not status:
        return StoreError("an answer without a status")
    # where the answer had no body, botocore repeats the status as the code
    return answered(status, None if not code or code.isdigit() else code)


def _reason(text: str) -> str:
    if "Timeout" in text:
        return "no answer in time"
    if "EndpointConnectionError" in text:
        return "connection refused"
    return "no connection"
