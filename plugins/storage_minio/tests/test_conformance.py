from __future__ import annotations

import pytest
from minio import Minio

from devkit.servers.seaweedfs import ADMIN, BUCKET, SeaweedServer
from parsekit import ProviderContext, Storage
from parsekit.config import FolderSettings
from parsekit.storage.folder import open_folder
from parsekit.testing.storage import AWKWARD_KEYS, StorageConformance
from parsekit_storage_minio.storage import MinioStorage


class TestMinioStorage(StorageConformance):
    """The suite that a storage of anybody's passes."""


class TestFolderAtAnS3Url(StorageConformance):
    """The host's own storage, through the s3fs that ``parsekit[s3]`` brings, for comparison."""

    @pytest.fixture
    def storage(self, server: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> Storage:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ADMIN.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ADMIN.secret_key)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.hostname}")
        settings = FolderSettings(path=f"s3://{BUCKET}/folder")
        return open_folder(ProviderContext(settings=settings))


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
