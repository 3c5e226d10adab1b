"""The storage `folder`: results on this machine's disk, or at any fsspec URL."""

from __future__ import annotations

from collections.abc import Callable

from parsekit.config import FolderSettings
from parsekit.hookspecs import hookimpl
from parsekit.providers import StorageEntry

#: Folder of results, as in the MinIO storage.
RESULTS_PREFIX = "parsed"


@hookimpl
def parsekit_register_storages(register: Callable[[StorageEntry], None]) -> None:
    """Offer the folder storage, the default on a single machine."""
    register(
        StorageEntry(
            name="folder",
            create="parsekit.storage.folder:open_folder",
            settings=FolderSettings,
        )
    )
