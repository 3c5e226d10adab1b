"""The conformance kits find what their rules forbid."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit import ObjectInfo, ProviderContext
from parsekit.config import FolderSettings
from parsekit.storage.folder import FolderStorage
from parsekit.testing import StorageConformance
from parsekit.testing.sinks import HostedSink


class InPlace(FolderStorage):
    """Fetches as one writes it first."""

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        target.write_bytes(self.read(key) or b"")
        return self.head(key)


class InPlaceAndTidy(InPlace):
    """The same, and removes what it has spoilt."""

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        try:
            return super().fetch(key, target, max_bytes=max_bytes)
        except OSError:
            target.unlink()
            raise


@pytest.mark.parametrize("kind", [InPlace, InPlaceAndTidy])
def test_a_fetch_into_the_target_itself_fails_the_kit(kind: type[FolderStorage], tmp_path: Path):
    storage = kind(ProviderContext(settings=FolderSettings(path=str(tmp_path / "objects"))))
    here = tmp_path / "here"
    here.mkdir()
    with pytest.raises((AssertionError, FileNotFoundError)):
        StorageConformance().test_a_fetch_that_breaks_off_leaves_the_target_as_it_was(storage, here)


def test_a_sink_under_test_has_its_data_folder(tmp_path: Path):
    assert HostedSink(object(), {}, tmp_path).session.data_dir.is_dir()


def test_the_kits_can_be_listed():
    from parsekit import testing  # noqa: PLC0415  (what dir() shows of it)

    assert {"ParserConformance", "SinkConformance", "StorageConformance"} <= set(dir(testing))
