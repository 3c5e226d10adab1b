"""S3 through obstore, a binding of the Rust crate object_store."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from parsekit import ObjectInfo
from parsekit_storage_minio.client import CONNECT_S, WRITER, Download, Target
from parsekit_storage_minio.elsewhere import only
from parsekit_storage_minio.obstore_answers import meaning_of
from parsekit_storage_minio.store_error import Unusable

if TYPE_CHECKING:  # exists for type checkers only
    from obstore.store import ClientConfig

_users: list[int] = []


def inherited() -> bool:
    """Whether a process before our fork used obstore: its threads are gone, and any call hangs."""
    return any(pid != os.getpid() for pid in _users)


class ObstoreClient:
    """See `parsekit_storage_minio.client.ObjectClient`."""

    def __init__(self, target: Target) -> None:
        _users.append(os.getpid())
        self._target = target
        self._stores: dict[tuple[int, int], S3Store] = {}

    def head(self, key: str, *, wait_s: float) -> ObjectInfo:
        """See `ObjectClient.head`."""
        with _store_errors(key):
            return _info(obstore.head(self._store(wait_s), key), key)

    @contextmanager
    def get(self, key: str, *, wait_s: float, whole_s: float) -> Iterator[Download]:
        """See `ObjectClient.get`.

        obstore reads the text of a refusal to its end before it raises, and has one time-out for
        that and for a download.
        """
        with _store_errors(key):
            answer = obstore.get(self._store(wait_s, whole_s), key)
        # kept in no variable: a traceback would hold it, and with it the connection
        with closing(_blocks(answer.stream(min_chunk_size=1), key)) as blocks:
            info = _info(answer.meta, key)
            yield Download(info=info, blocks=blocks, gap_s=_seconds(wait_s))

    def put(self, key: str, body: bytes, *, wait_s: float) -> None:
        """See `ObjectClient.put`."""
        with _store_errors(key):
            obstore.put(self._store(wait_s), key, body, use_multipart=False)

    def create(self, key: str, body: bytes, *, writer: str, wait_s: float) -> None:
        """See `ObjectClient.create`."""
        with _store_errors(key):
            store, signed = self._store(wait_s), {WRITER: writer}
            obstore.put(store, key, body, attributes=signed, mode="create", use_multipart=False)

    def writer_of(self, key: str, *, wait_s: float) -> str | None:
        """See `ObjectClient.writer_of`."""
        with _store_errors(key):
            answer = obstore.get(self._store(wait_s), key, options={"head": True})
            return answer.attributes.get(WRITER)

    def delete(self, key: str, *, wait_s: float) -> None:
        """See `ObjectClient.delete`."""
        with _store_errors(key):
            obstore.delete(self._store(wait_s), key)

    def _store(self, wait_s: float, whole_s: float | None = None) -> S3Store:
        """A store's time-outs are fixed when it is made, and count from before the connection.

        ``wait_s`` is for each sign of life of the server, ``whole_s`` for a request with its whole
        answer; they are the same unless it is given.
        """
        limits = _seconds(wait_s), _seconds(whole_s or wait_s)
        if limits not in self._stores:
            self._stores[limits] = _made(self._target, *limits)
        return self._stores[limits]


def _seconds(wait_s: float) -> int:
    """Whole ones, so that few stores are made, each with connections of its own."""
    return max(1, math.floor(wait_s))


def _made(target: Target, silence_s: int, whole_s: int) -> S3Store:
    client: ClientConfig = {
        "allow_http": target.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_S),
        "read_timeout": timedelta(seconds=silence_s),
        "timeout": timedelta(seconds=whole_s),
        **only(target.endpoint),
    }
    if target.ca_pem is not None:
        client["root_certificate"] = target.ca_pem
    return S3Store(
        target.bucket,
        client_options=client,
        retry_config={"max_retries": 0},
        credential_provider=_provider(target),
        # named in full, as what is left out would be taken from the environment
        aws_endpoint_url_s3=target.endpoint,
        endpoint=target.endpoint,
        region=target.region,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,
        # SeaweedFS 4.48 stores an empty object when a client dies before the body, unless told
        # what the body must be
        checksum_algorithm="SHA256",
    )


def _provider(target: Target) -> Callable[[], Any]:
    keys = target.credentials

    def provide() -> Any:
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": None,
        }

    return provide


def _info(meta: Any, key: str) -> ObjectInfo:
    return ObjectInfo(
        key=key, size_bytes=meta["size"], etag=(meta["e_tag"] or "").strip('"') or None
    )


def _blocks(stream: obstore.BytesStream, key: str) -> Generator[bytes, None, None]:
    """Blocks as they come from the network, so that a trickle is seen as one."""
    with _store_errors(key):
        for block in stream:
            yield bytes(block)


@contextmanager
def _store_errors(key: str) -> Iterator[None]:
    """Raise what obstore's error means; its text may repeat the access key."""
    try:
        yield
    except (BaseError, OSError, ValueError) as exc:
        raise meaning_of(exc, key) from None
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":  # Rust's; not even an Exception
            raise
        raise Unusable(f"obstore can't use ({exc})") from None
