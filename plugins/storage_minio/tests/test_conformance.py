from __future__ import annotations

import pytest
from minio import Minio

from parsekit.testing.servers.seaweedfs import BUCKET
from parsekit.testing.storage import AWKWARD_KEYS, StorageConformance
from parsekit_storage_minio.storage import MinioStorage


class TestMinioStorage(StorageConformance):
    """Through both backends, as the fixture ``storage`` is parametrised."""


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_names_are_the_same_to_other_clients(
    storage: MinioStorage, caller: Minio, key: str
) -> None:
    storage.write(key, key.encode())
    answer = caller.get_object(BUCKET, key)
    try:
        assert answer.read() == key.encode()
    finally:
        answer.close()
        answer.release_conn()
        storage.delete(key)
