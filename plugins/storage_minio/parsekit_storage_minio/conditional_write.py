"""Storing where nothing is, and finding out on the way whether the store can do that."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid

from parsekit_storage_minio.client import ObjectClient
from parsekit_storage_minio.errors import Permission, StoreError
from parsekit_storage_minio.requests import StorageCall

log = logging.getLogger(__name__)

#: Writes without an answer that are remembered; a driver repeats its own within minutes.
_MOST_UNANSWERED = 1000


class ConditionalWriter:
    """What a process knows about conditional writes of its store."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        #: None until the first conditional write has shown it.
        self.keeps_first: bool | None = None
        #: Held by the thread that finds it out: others write meanwhile, and ask nothing.
        self._probing = threading.Lock()
        #: Names of writers that never learned whether they had stored, by what they wrote.
        self._unanswered: dict[tuple[str, bytes], str] = {}

    def create(self, call: StorageCall, body: bytes) -> bool:
        """Store in one request; False when something is there. Raises `StoreError`.

        After an error the object may be there all the same, or come later. So who writes the same
        again does so under the same name, and finds that it was the first.
        """
        if self.keeps_first is False:
            return _create_unguarded(call, body)
        content = (call.key, hashlib.sha256(body).digest())
        writer = self._unanswered.pop(content, None) or uuid.uuid4().hex
        try:
            return self._create_as(writer, call, body)
        except StoreError:
            self._unanswered[content] = writer
            for oldest in tuple(self._unanswered)[:-_MOST_UNANSWERED]:
                self._unanswered.pop(oldest, None)
            raise

    def _create_as(self, writer: str, call: StorageCall, body: bytes) -> bool:
        try:
            call.send(Permission.WRITE, lambda client: _create(client, call, body, writer))
        except StoreError as exc:
            if exc.not_implemented:
                self.keeps_first = False
                return _create_unguarded(call, body)
            if not exc.exists:
                raise
            # an earlier try may have arrived though its answer was lost, and then it is ours
            return _is_by(writer, call)
        if self.keeps_first is None and self._probing.acquire(blocking=False):
            try:
                if self.keeps_first is None:
                    self.keeps_first = self._refuses_the_second(call, body, writer)
            finally:
                self._probing.release()
        return True

    def _refuses_the_second(self, call: StorageCall, body: bytes, writer: str) -> bool | None:
        """Store the same again: some stores ignore the condition without a word.

        The probe costs one request a process and changes nothing; None when it stayed unclear.
        """
        try:
            call.send_once(lambda client: _create(client, call, body, writer))
        except StoreError as exc:
            return True if exc.exists else None
        log.warning(
            "%s ignores If-None-Match: two workers may store the same result", self._endpoint
        )
        return False


def _create(client: ObjectClient, call: StorageCall, body: bytes, writer: str) -> None:
    wait_s = call.deadline.answer_s(uploaded_bytes=len(body))
    client.create(call.key, body, writer=writer, wait_s=wait_s)


def _is_by(writer: str, call: StorageCall) -> bool:
    """Whether what stands there is ours; it is not where it is gone by now."""
    try:
        found = call.send(
            Permission.READ,
            lambda client: client.writer_of(call.key, wait_s=call.deadline.answer_s()),
        )
    except StoreError as exc:
        if exc.missing:
            return False
        raise
    return found == writer


def _create_unguarded(call: StorageCall, body: bytes) -> bool:
    """Look, then store: the best that a store without conditions can do."""
    try:
        call.send(
            Permission.READ,
            lambda client: client.head(call.key, wait_s=call.deadline.answer_s()),
        )
    except StoreError as exc:
        if not exc.missing:
            raise
    else:
        return False
    call.put(body)
    return True
