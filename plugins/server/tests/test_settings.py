"""Section ``server``: what can't be used is refused in words, and no password is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit import open_session
from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit_server.catalogue.database import Database
from parsekit_server.site import open_catalogue


@pytest.mark.parametrize(
    "setting",
    ['"database": "mysql://ann:hunter2@host/x"', '"url": "nowhere"', '"port": 99999'],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, setting: str) -> None:
    config = tmp_path / "parsekit.json"
    config.write_text(f'{{"server": {{{setting}}}}}')
    with pytest.raises(ConfigInvalid, match=r"server\.\w+") as refused:
        open_session(config, data_dir=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    database = Database.at("postgresql://ann@127.0.0.1:1/x", "hunter2")
    with pytest.raises(StorageUnavailable, match="the catalogue can't be used now") as away:
        database.upgrade()
    assert "hunter2" not in str(away.value)
    database.close()


def test_the_files_of_the_catalogue_are_its_owners_alone(tmp_path: Path) -> None:
    with open_catalogue(open_session(data_dir=tmp_path / "data")):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {modes[name] for name in modes if "sqlite" in name} == {0o600}
    assert modes["server"] == modes["data"] == 0o700
