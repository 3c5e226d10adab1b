from pathlib import Path

import pytest
from shelf import Shelf, ShelfSettings

from parsekit import ProviderContext
from parsekit.testing import StorageConformance


class TestShelf(StorageConformance):
    @pytest.fixture
    def storage(self, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
        path: Path = tmp_path_factory.mktemp("shelf") / "shelf.sqlite"
        return Shelf(ProviderContext(settings=ShelfSettings(path=path, wait_s=60)))
