"""``parsekit events`` and ``--tables``: what analysts read with their own tools."""

from __future__ import annotations

import csv
import io
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet
import pytest

from devkit.command_line import CommandLine
from parsekit.testing import believable_match, write_replay

NAMES = ("matches", "teams", "players", "goals", "events")


@pytest.fixture
def local(cli: CommandLine) -> CommandLine:
    """The command with the local parser, which tells events."""
    settings = {"PARSEKIT_PLUGINS": "local,stub", "PARSEKIT__PARSER": "local"}
    return replace(cli, settings={**cli.settings, **settings})


@pytest.fixture
def season(cli: CommandLine) -> Path:
    """Two synthetic matches and one file that is none."""
    folder = cli.folder / "season"
    folder.mkdir()
    for seed in (1, 2):
        match = believable_match(seed=seed, team_size=2)
        write_replay(folder / f"{seed}.replay", match, frames=900)
    (folder / "3.replay").write_bytes(b"none")
    return folder


@pytest.fixture
def tables(local: CommandLine, season: Path) -> Path:
    done = local.run("parse", season, "--tables", local.folder / "tables", "--format", "jsonl")
    assert done.returncode == 1
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, True, False]
    return local.folder / "tables"


def test_pandas_polars_and_duckdb_read_the_same_tables(tables: Path) -> None:
    for name in NAMES:
        file = tables / f"{name}.parquet"
        by_pandas, by_polars = pd.read_parquet(file), pl.read_parquet(file)
        by_duckdb = duckdb.sql(f"select * from '{file}'")  # noqa: S608  (a path of ours)
        assert list(by_pandas.columns) == by_polars.columns == by_duckdb.columns
        assert len(by_pandas) == by_polars.height == len(by_duckdb.fetchall()) > 0


def test_dates_are_moments_to_all_three(tables: Path) -> None:
    file = tables / "matches.parquet"
    moments: list[Any] = [
        pd.read_parquet(file)["date"][0].to_pydatetime(),
        pl.read_parquet(file)["date"][0],
        duckdb.sql(f"select date at time zone 'UTC' from '{file}'").fetchall()[0][0],  # noqa: S608
    ]
    assert {moment.replace(tzinfo=UTC) for moment in moments} == {moments[1]}
    assert isinstance(moments[1], datetime)


def test_tables_join_and_agree(tables: Path) -> None:
    sums = duckdb.sql(
        f"""
        select m.blue_goals + m.orange_goals, m.match_id = any_value(e.match_id),
               count(*) filter (where e.kind = 'goal'), count(distinct g.number)
        from '{tables}/matches.parquet' m
        join '{tables}/events.parquet' e using (hash) join '{tables}/goals.parquet' g using (hash)
        group by m.hash, m.match_id, m.blue_goals, m.orange_goals, g.hash
        """  # noqa: S608
    ).fetchall()
    assert len(sums) == 2
    for goals, same, _, listed in sums:
        assert (same, listed) == (True, goals)
    players = pd.read_parquet(tables / "players.parquet")
    teams = pd.read_parquet(tables / "teams.parquet")
    assert players.groupby(["hash", "team"]).size().tolist() == teams["players"].tolist()
    assert teams.groupby("hash")["won"].sum().tolist() == [1, 1]


def test_schemas_say_what_each_column_means(tables: Path) -> None:
    about = json.loads((tables / "schema.json").read_text())
    assert [table["name"] for table in about["tables"]] == list(NAMES)
    schema = pyarrow.parquet.read_schema(tables / "events.parquet")
    assert schema.metadata[b"tables_version"].decode() == about["tables_version"] == "1"
    assert schema.field("ball_speed").metadata[b"unit"] == b"uu/s"
    assert b"seconds left" in schema.field("clock_s").metadata[b"meaning"]


def test_tables_are_ordinary_files_that_appear_whole(tables: Path) -> None:
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tables.iterdir()}
    assert set(files) == {*(f"{name}.parquet" for name in NAMES), "schema.json"}
    assert len(set(files.values())) == 1


def test_with_csv_the_tables_are_csv(local: CommandLine, season: Path) -> None:
    folder = local.folder / "as csv"
    local.run("parse", season, "--tables", folder, "--format", "csv")
    for name in NAMES:
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
            assert len(list(csv.DictReader(lines))) > 1
    first = next(csv.DictReader((folder / "matches.csv").read_text().splitlines()))
    assert first["date"].endswith("Z")


def test_events_are_an_object_a_line(local: CommandLine, season: Path) -> None:
    done = local.run("events", season)
    assert done.returncode == 1
    assert b"3.replay" in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["replay"] for event in events} == {f"{season}/1.replay", f"{season}/2.replay"}
    assert {"goal", "boost_pickup"} <= {event["kind"] for event in events}
    assert all(None not in event.values() for event in events)
    goal = next(event for event in events if event["kind"] == "goal")
    assert {"player", "team", "time_s", "clock_s", "x", "confidence", "definitions"} <= set(goal)


def test_events_are_one_table_in_csv_and_parquet(local: CommandLine, season: Path) -> None:
    one = season / "1.replay"
    as_csv = local.run("events", one, "--format", "csv").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    table = pyarrow.parquet.read_table(
        io.BytesIO(local.run("events", one, "--format", "parquet").stdout)
    )
    assert list(rows[0]) == table.column_names
    assert [row["kind"] for row in rows] == table["kind"].to_pylist()


def test_a_parser_without_events_is_named(cli: CommandLine, replays: Any) -> None:
    replays("a")
    done = cli.run("events", "a.replay")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"tells no events" in done.stderr
