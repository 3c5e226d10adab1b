"""One call of the storage: its key, its time, and the words for what its requests met."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from parsekit import checked_key
from parsekit_storage_minio.client import ObjectClient
from parsekit_storage_minio.clients import Clients
from parsekit_storage_minio.meaning import meaning
from parsekit_storage_minio.patience import RetryDeadline
from parsekit_storage_minio.permission import Permission
from parsekit_storage_minio.store_error import StoreError

T = TypeVar("T")


class Call:
    """Enter it to ask; a `StoreError` that leaves it becomes the published error.

    Making it checks the key, before any request.
    """

    def __init__(self, clients: Clients, key: str, *, moved_bytes: int) -> None:
        self.key = checked_key(key)
        self._clients = clients
        clients.get()  # making one takes time, but not the store's
        self.patience = RetryDeadline(moved_bytes)

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, StoreError):
            raise meaning(exc, self.key, self._clients.target) from exc

    def ask(self, needed: Permission, request: Callable[[ObjectClient], T]) -> T:
        """Send a request as often as it takes. Raises `StoreError` with what it ``needed``."""
        client = self._clients.get()
        try:
            return self.patience.persist(lambda: request(client))
        except StoreError as exc:
            if exc.refused and self._clients.renewed(client):
                return self.ask(needed, request)
            exc.needed = needed
            raise

    def ask_once(self, request: Callable[[ObjectClient], T]) -> T:
        """Send a request that nothing depends on. Raises `StoreError`."""
        self.patience.check()
        return request(self._clients.get())

    def put(self, body: bytes) -> None:
        """Store, whatever is there. Raises `StoreError`."""
        self.ask(
            Permission.WRITE,
            lambda client: client.put(
                self.key, body, wait_s=self.patience.answer_s(uploaded_bytes=len(body))
            ),
        )
