"""The bucket: where it is, and each request that is made of it, through obstore.

obstore binds the Rust crate object_store. A put that replaces goes through fsspec's surface;
`docs/design.md` has the figures, and why the other requests don't. A request is made once:
`requests` repeats it.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import obstore
from obstore.exceptions import BaseError
from obstore.fsspec import FsspecStore
from obstore.store import S3Store

from parsekit import ObjectInfo
from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.credentials import Credentials, read_credentials
from parsekit_storage_minio.errors import DEAD_END, Forked, Unusable, store_error
from parsekit_storage_minio.settings import MinioSettings

if TYPE_CHECKING:  # exists for type checkers only
    from obstore.store import ClientConfig

#: Longest wait for a connection.
CONNECT_S = 2.0
#: Name of the user metadata with who created an object.
WRITER = "parsekit-writer"

#: Processes that used obstore: this one, and those that it was forked from.
_used_in: set[int] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The bucket, the way to it and the keys."""

    endpoint: str
    bucket: str
    region: str
    credentials: Credentials
    ca_pem: bytes | None = None

    @classmethod
    def of(cls, settings: MinioSettings) -> Target:
        """Read what the settings name. Raises `ConfigInvalid`."""
        if settings.endpoint is None:
            raise ConfigInvalid("minio.hostname: is missing; write host:port of the store")
        ca_pem = _authority(settings.ca_file) if settings.ca_file else None
        return cls(
            endpoint=settings.endpoint,
            bucket=settings.bucket,
            region=settings.region,
            credentials=read_credentials(settings),
            ca_pem=ca_pem,
        )


def _authority(path: Path) -> bytes:
    """The certificates in a file, read once: what happens to it later is for the next process."""
    try:
        pem = path.read_bytes()
        ssl.create_default_context(cafile=path)
    except FileNotFoundError as exc:
        raise ConfigInvalid(f"minio.ca_file: there is no file {path}") from exc
    except OSError as exc:
        raise ConfigInvalid(
            f"minio.ca_file: {path} holds no certificate that can be read; name a PEM file"
        ) from exc
    return pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An answer whose body is still on its way; a block comes within ``gap_s`` or not at all."""

    info: ObjectInfo
    blocks: Iterator[bytes]
    gap_s: float


class ObjectClient:
    """One bucket. Every method raises `StoreError` for whatever goes wrong, and nothing else.

    A request is given up when its answer is not whole after ``wait_s``, counted from before the
    connection is made; or a second, where that is more. Of a download this is said of the head.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._buckets: dict[tuple[int, int], BucketFileSystem] = {}

    def head(self, key: str, *, wait_s: float) -> ObjectInfo:
        """Size and ETag."""
        with _store_errors(key):
            return _info(obstore.head(self._bucket(wait_s).native, key), key)

    @contextmanager
    def get(self, key: str, *, wait_s: float, whole_s: float) -> Iterator[Download]:
        """Begin a download; its connection is released at the end of the block, if not before.

        obstore reads the text of a refusal to its end before it raises, and has one time-out,
        ``whole_s``, for that and for a download.
        """
        with _store_errors(key):
            answer = obstore.get(self._bucket(wait_s, whole_s).native, key)
        # kept in no variable: a traceback would hold it, and with it the connection
        with closing(_blocks(answer.stream(min_chunk_size=1), key)) as blocks:
            info = _info(answer.meta, key)
            yield Download(info=info, blocks=blocks, gap_s=_seconds(wait_s))

    def put(self, key: str, body: bytes, *, wait_s: float) -> None:
        """Store in one request."""
        with _store_errors(key):
            self._bucket(wait_s).pipe_file(f"{self.target.bucket}/{key}", body)

    def create(self, key: str, body: bytes, *, writer: str, wait_s: float) -> None:
        """Store in one request where nothing is, signed with the writer's name; 412 otherwise."""
        with _store_errors(key):
            obstore.put(
                self._bucket(wait_s).native,
                key,
                body,
                attributes={WRITER: writer},
                mode="create",
                use_multipart=False,
            )

    def writer_of(self, key: str, *, wait_s: float) -> str | None:
        """Who created the object, where that was written."""
        with _store_errors(key):
            answer = obstore.get(self._bucket(wait_s).native, key, options={"head": True})
            return answer.attributes.get(WRITER)

    def delete(self, key: str, *, wait_s: float) -> None:
        """Delete in one request."""
        with _store_errors(key):
            obstore.delete(self._bucket(wait_s).native, key)

    def _bucket(self, wait_s: float, whole_s: float | None = None) -> BucketFileSystem:
        """The bucket with these time-outs, which obstore fixes when a store is made.

        ``wait_s`` is for each sign of life of the server, ``whole_s`` for a request with its whole
        answer; they are the same unless it is given.
        """
        _used_in.add(os.getpid())
        if is_forked():
            raise Forked
        limits = _seconds(wait_s), _seconds(whole_s or wait_s)
        if limits not in self._buckets:
            self._buckets[limits] = BucketFileSystem(_native(self.target, *limits))
        return self._buckets[limits]


def is_forked() -> bool:
    """Whether a process before our fork used obstore: its threads are gone, and any call hangs."""
    return not _used_in <= {os.getpid()}


class BucketFileSystem(FsspecStore):
    """A store of obstore's as a file system of fsspec's, whose put is one request."""

    cachable = False  # its store has connections and keys of its own

    def __init__(self, native: S3Store) -> None:
        self.native = native
        super().__init__("s3")

    def _construct_store(self, bucket: str) -> S3Store:  # noqa: ARG002  (there is one)
        return self.native

    async def _pipe_file(
        self,
        path: str,
        value: bytes,
        mode: str = "overwrite",  # noqa: ARG002  (fsspec's, which has no word for a condition)
        **options: Any,  # noqa: ARG002  (as above)
    ) -> None:
        """As `FsspecStore`, which sends more than 5 MiB in parts."""
        _, key = self._split_path(path)
        await obstore.put_async(self.native, key, value, use_multipart=False)


def _seconds(wait_s: float) -> int:
    """Whole ones, so that few stores are made, each with connections of its own."""
    return max(1, math.floor(wait_s))


def _native(target: Target, silence_s: int, whole_s: int) -> S3Store:
    client: ClientConfig = {
        "allow_http": target.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_S),
        "read_timeout": timedelta(seconds=silence_s),
        "timeout": timedelta(seconds=whole_s),
        **only_host(target.endpoint),
    }
    if target.ca_pem is not None:
        client["root_certificate"] = target.ca_pem
    return S3Store(
        target.bucket,
        client_options=client,
        retry_config={"max_retries": 0},
        credential_provider=_provider(target.credentials),
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


def only_host(endpoint: str) -> ClientConfig:
    """Options that let obstore speak to this host alone.

    Its HTTP client follows redirects of HEAD and GET and can't be told not to. It can be told that
    all hosts but one are behind a proxy, and there is none. Where the environment names a proxy for
    the host, that proxy is the only one that is spoken to, and has to refuse other hosts itself.
    """
    address = urlsplit(endpoint)
    behind_proxy = bool({address.scheme, "all"} & getproxies().keys())
    if behind_proxy and not proxy_bypass(address.netloc):
        return {}
    return {"proxy_url": f"http://{DEAD_END}", "proxy_excludes": address.hostname or ""}


def _provider(keys: Credentials) -> Callable[[], Any]:
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


#: Rust's panic: in a call, where it is not even an Exception, and in an awaited one.
_PANICS = frozenset({"PanicException", "RustPanic"})


@contextmanager
def _store_errors(key: str) -> Iterator[None]:
    """Raise obstore's error as a `StoreError`; its own text may repeat the access key."""
    try:
        yield
    except (BaseError, OSError, ValueError) as exc:
        raise store_error(exc, key) from None
    except BaseException as exc:
        if type(exc).__name__ not in _PANICS:
            raise
        raise Unusable(f"obstore can't use ({exc})") from None
