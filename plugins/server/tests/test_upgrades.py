"""Catalogues of older versions come along, and those of newer ones are left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from devkit.command_line import CommandLine
from parsekit.errors import ConfigInvalid
from parsekit_server.catalogue.compressed import packed
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.migrations.upgrading import VERSION_TABLE, revisions, upgrade
from parsekit_server.catalogue.schema import METADATA
from parsekit_server.facts import facts_of
from parsekit_server.settings import ServerSettings
from parsekit_server.site import open_catalogue
from parsekit_server.tokens import digest

from .running import Client, FakeParsing, body, running_server

NEWER = "UPDATE catalogue_version SET version_num = '9999'"
#: A catalogue as the first version left it.
FIRST_ROWS = (
    "INSERT INTO account VALUES (1, 'ann', 1)",
    "INSERT INTO replay_group VALUES ('season-1', 'Season', 'season', 1, NULL, 'season-1/',"
    " 'by-id', 'by-distinct-players', false, false, 1)",
    "INSERT INTO token VALUES (1, 1, NULL, 'upload', :digest, 1, NULL)",
    "INSERT INTO replay VALUES ('r1', 1, 'season-1', 'public', 7, 8, 'Final', 'final', true, 'ab',"
    " 9, 'AA', 'ok', 0, 0, NULL, NULL, NULL, NULL, 'ranked-doubles', 'f13', 'stadium_p', 10, 12,"
    " false, true)",
    "INSERT INTO arena VALUES ('stadium_p', 'DFH Stadium')",
    "INSERT INTO player VALUES ('r1', 0, 'steam:1', 'ann', true)",
    "INSERT INTO player VALUES ('r1', 1, 'steam:3', 'cy', false)",
)


@contextmanager
def database_of(parsing: FakeParsing) -> Iterator[Database]:
    """The database of a test's own, without a table."""
    address = parsing.session.config.section(ServerSettings).database
    folder = parsing.session.data_dir / "server"
    folder.mkdir(parents=True)
    made = (
        Database.in_file(folder / "catalogue.sqlite3")
        if address is None
        else Database.at(address.get_secret_value())
    )
    with closing(made):
        yield made


def test_the_steps_lead_to_the_tables_that_the_code_works_with(parsing: FakeParsing) -> None:
    with open_catalogue(parsing.session) as database, database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


@pytest.mark.parametrize("last", revisions())
def test_what_an_older_version_kept_is_found_by_this_one(parsing: FakeParsing, last: str) -> None:
    kept = {"item": packed(facts_of(body()).item), "data": packed(body())}
    with database_of(parsing) as database, database.writing() as connection:
        upgrade(connection, to=revisions()[0])
        for row in FIRST_ROWS:
            connection.execute(text(row), {"digest": digest("secret")} if "token" in row else {})
        connection.execute(text("INSERT INTO body VALUES ('r1', :item, :data)"), kept)
        upgrade(connection, to=last)
    with running_server(parsing) as server:
        client = Client(root=server.root, token="secret")
        assert client.get("/replays/r1")["title"] == "Final"
        for asked in ("player-name=Ann", "player-id=steam:3", "season=f13", "group=season-1"):
            assert [each["id"] for each in client.get(f"/replays?{asked}")["list"]] == ["r1"]
        assert len(client.get("/groups/season-1")["players"]) == 4
        assert client.get("/maps") == {"stadium_p": "DFH Stadium"}
        assert client.call("DELETE", "/replays/r1").status_code == 204
        assert client.get("/replays")["list"] == []


def test_many_that_start_at_once_make_the_tables_once(parsing: FakeParsing) -> None:
    with database_of(parsing), ThreadPoolExecutor(4) as threads:
        for made in [threads.submit(_open, parsing) for _ in range(4)]:
            made.result()


def _open(parsing: FakeParsing) -> None:
    with open_catalogue(parsing.session):
        pass


def test_a_catalogue_of_a_newer_version_is_left_alone(parsing: FakeParsing) -> None:
    with open_catalogue(parsing.session) as database, database.writing() as connection:
        connection.execute(text(NEWER))
    with pytest.raises(ConfigInvalid, match="a newer parsekit-server"), running_server(parsing):
        pass


def test_a_database_with_tables_of_others_is_left_alone(parsing: FakeParsing) -> None:
    with database_of(parsing) as database:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE account (id INTEGER)"))
        with pytest.raises(ConfigInvalid, match="a table 'account'"), running_server(parsing):
            pass
        with database.reading() as connection:
            assert inspect(connection).get_table_names() == ["account"]


def test_a_newer_catalogue_ends_the_command_with_one_line(command_line: CommandLine) -> None:
    command_line.run("serve", "token", "add", "ann")
    (file,) = command_line.home.rglob("catalogue.sqlite3")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(NEWER)
    for command in (("serve", "--port", "0"), ("serve", "token", "list")):
        ended = command_line.run(*command)
        assert ended.returncode == 2
        (line,) = ended.stderr.decode().splitlines()
        assert "9999" in line
