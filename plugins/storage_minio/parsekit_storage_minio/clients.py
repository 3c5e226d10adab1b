"""The client of this process, made anew when the keys that it signs with were replaced."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.client import ObjectClient, Target
from parsekit_storage_minio.credentials import Credentials, read_credentials
from parsekit_storage_minio.open_client import open_client
from parsekit_storage_minio.per_process import PerProcess
from parsekit_storage_minio.settings import MinioSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Signing:
    """A client, and the keys that it was made with."""

    client: ObjectClient
    credentials: Credentials


class Clients:
    """Makes a client when one is first asked for in a process; ``target`` is where all of them go.

    Raises `ConfigInvalid` when the settings name what can't be read.
    """

    def __init__(self, settings: MinioSettings) -> None:
        self.target = Target.of(settings)
        self._settings = settings
        self._credentials = self.target.credentials
        self._signing = PerProcess(self._made)

    def get(self) -> ObjectClient:
        """This process's own."""
        return self._signing.get().client

    def drop(self) -> None:
        """Let go of this process's connections."""
        self._signing.drop()

    def renewed(self, refused: ObjectClient) -> bool:
        """Whether `get` answers another client than the one that the store refused.

        Files with keys are read again, so that keys can be replaced under a running worker.
        """
        signing = self._signing.get()
        if signing.client is not refused:
            return True  # another thread was here first
        credentials = self._current()
        if credentials == signing.credentials:
            return False
        log.info("the store refused the keys, and others stand in their place now: using those")
        self._credentials = credentials
        self._signing.drop()
        return True

    def _current(self) -> Credentials:
        try:
            return read_credentials(self._settings)
        except ConfigInvalid:  # taken away: the store's refusal says more
            return self._credentials

    def _made(self) -> _Signing:
        credentials = self._credentials
        target = replace(self.target, credentials=credentials)
        return _Signing(open_client(target, self._settings.backend), credentials)
