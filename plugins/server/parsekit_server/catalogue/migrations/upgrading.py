"""Bring the tables of a catalogue to the form that this version works with.

Which step a catalogue has reached stands in its own table `VERSION_TABLE`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from parsekit.errors import ConfigInvalid
from parsekit_server.catalogue.schema import METADATA

VERSION_TABLE = "catalogue_version"


def revisions() -> list[str]:
    """The steps that this version knows, the first one first."""
    return [step.revision for step in reversed([*_scripts().walk_revisions()])]


def reached_revision(connection: Connection) -> str | None:
    """The step that this catalogue has reached; None for a database without one."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be done. Raises `ConfigInvalid` for a catalogue of a newer version."""
    reached, known = reached_revision(connection), revisions()
    if reached is not None and reached not in known:
        raise ConfigInvalid(
            f"a newer parsekit-server has worked with the catalogue: it is at step {reached}, this"
            f" version knows {known[-1]}; install the newer version, or restore a back-up"
        )
    return reached == known[-1]


def upgrade(connection: Connection, *, to: str = "head") -> None:
    """Apply the steps that are missing.

    Raises `ConfigInvalid` for a database in which others have tables of these names.
    """
    if reached_revision(connection) is None:
        taken = METADATA.tables.keys() & {*inspect(connection).get_table_names()}
        if taken:
            raise ConfigInvalid(
                f"the database has a table {min(taken)!r} that is no catalogue's;"
                " name an empty database"
            )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
