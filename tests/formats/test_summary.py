"""What ``--summary`` shows of many replays, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import product

import pyarrow.parquet
import pytest
from rich.cells import cell_len

from devkit.terminal import ESCAPES
from parsekit.formats.summary import SummaryCsv, SummaryJson, SummaryWriter
from parsekit.formats.summary_parquet import SummaryParquet
from parsekit.formats.summary_table import SummaryTable
from parsekit.formats.views import By, View
from parsekit.model import JsonObject, Outcome
from tests.formats.test_table import HOSTILE
from tests.groups.bodies import body, player

SCORES = ((3, 1), (2, 0), (4, 2))


def scored(name: str, goals: int, **boost: float) -> JsonObject:
    return player(
        name, core={"goals": goals, "shots": 2 * goals, "score": 100 * goals}, boost=boost
    )


def season() -> list[JsonObject]:
    """A best of five of SAN and DEN, and a duel."""
    games = []
    for place, (ours, theirs) in enumerate(SCORES):
        match = body(
            [scored("Ada", ours, bpm=300 + place), scored("Eve", 0, bpm=100)],
            [scored("Bob", theirs), scored("Jim", 0)],
            (ours, theirs),
            at=f"2026-03-01T20:{place}0:00Z",
        )
        match["blue"]["name"], match["orange"]["name"] = "SAN", "DEN"
        games.append(match)
    return [*games, body([scored("Ada", 1)], [scored("Bob", 0)], at="2026-03-08T20:00:00Z"), {}]


def write(writer: SummaryWriter, matches: Iterable[JsonObject]) -> None:
    for place, match in enumerate(matches):
        writer.write(Outcome(replay=f"game {place}.replay", task_id="t", data=match))
    writer.close()


def table(capsys: pytest.CaptureFixture[str], by: By | None = None) -> list[str]:
    write(SummaryTable(by, View.CORE), season())
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("by", By)
def test_parquet_has_the_rows_of_the_csv_with_types_and_meanings(by):
    text, binary = io.StringIO(), io.BytesIO()
    write(SummaryCsv(text, by), season())
    write(SummaryParquet(binary, by), season())
    table = pyarrow.parquet.read_table(io.BytesIO(binary.getvalue()))
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert table.column_names == list(rows[0])
    for name in table.column_names:
        field = table.schema.field(name)
        assert field.metadata[b"meaning"]
        values = table.column(name).to_pylist()
        if field.type == "double":
            assert values == [float(row[name]) if row[name] else None for row in rows]
        elif field.type == "int64":
            assert values == [int(row[name]) if row[name] else None for row in rows]
        elif field.type == "string":
            assert values == [row[name] or None for row in rows]


def test_parquet_of_a_summary_has_moments_and_counts_of_their_types():
    binary = io.BytesIO()
    write(SummaryParquet(binary, By.SERIES), season())
    table = pyarrow.parquet.read_table(io.BytesIO(binary.getvalue()))
    [row] = table.to_pylist()
    assert row["date"] == datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert (row["wins"], row["losses"], row["best_of"]) == (3, 0, 5)


def test_each_mode_has_its_series_teams_and_players(capsys):
    lines = table(capsys)
    assert lines[0] == "2v2 · 3 games · 2026-03-01"
    assert "1v1 · 1 game · 2026-03-08" in lines
    cells = [line.split() for line in lines]
    assert ["SAN", "3-0", "DEN", "5", "2026-03-01", "3-1", "2-0", "4-2"] in cells
    assert [line[:4] for line in cells if line[:2] == ["SAN", "3"]] == [["SAN", "3", "3", "100"]]
    ada, *_, alone = (line for line in cells if line[:1] == ["Ada"])
    assert ada[:6] == ["Ada", "3", "3", "100", "300", "3.00"]
    assert alone[1:4] == ["1", "1", "100"]
    assert "averages of a game" in lines
    assert "not counted, no players in it: game 4.replay" in lines


@pytest.mark.parametrize("by", By)
def test_by_leaves_one_kind_of_rows(by, capsys):
    text = "\n".join(table(capsys, by))
    heads = {By.PLAYER: "Player", By.TEAM: "Team", By.SERIES: "Series"}
    assert [kind for kind, head in heads.items() if head in text] == [by]


def test_a_number_that_some_game_does_not_tell_is_marked(capsys):
    write(
        SummaryTable(By.PLAYER, View.CORE),
        [*season()[:2], body([scored("Ada", 0)] * 2, ["Bob"] * 2)],
    )
    lines = capsys.readouterr().out.splitlines()
    (ada,) = (line for line in lines if line.startswith("Ada"))
    assert "300*" in ada
    assert "averages of a game · * not all games tell" in lines


def test_a_team_has_no_rate_that_is_a_sum_over_its_players(capsys):
    """Of two players with 300 and 100 a minute, 400 is nobody's."""
    write(SummaryTable(By.TEAM, View.BOOST), season())
    assert "/min" not in capsys.readouterr().out


def test_nothing_that_counts_is_said(capsys):
    write(SummaryTable(None, View.CORE), [{}])
    assert capsys.readouterr().out.splitlines()[0] == "no game that counts"


def test_json_has_every_mode_with_ballchasings_objects_and_what_was_left_out():
    out = io.StringIO()
    write(SummaryJson(out, None, lines=False), season())
    whole = json.loads(out.getvalue())
    assert [(mode["mode"], len(mode["games"])) for mode in whole["modes"]] == [
        ("2v2", 3),
        ("1v1", 1),
    ]
    ada = whole["modes"][0]["players"][0]
    assert ada["name"] == "Ada"
    assert ada["cumulative"]["core"]["goals"] == 9
    assert ada["game_average"]["core"]["goals"] == 3
    (series,) = whole["modes"][0]["series"]
    assert (series["name"], series["best_of"]) == ("SAN 3-0 DEN", 5)
    assert whole["left_out"] == [{"replay": "game 4.replay", "reason": "no players in it"}]


@pytest.mark.parametrize(("by", "names"), [(By.TEAM, {"Ada & Eve", "Bob & Jim", "Ada", "Bob"})])
def test_json_lines_have_an_object_a_row(by, names):
    out = io.StringIO()
    write(SummaryJson(out, by, lines=True), season())
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {row["name"] for row in rows} == names
    assert {row["mode"] for row in rows} == {"2v2", "1v1"}


def test_csv_has_a_row_a_player_with_the_average_game():
    out = io.StringIO()
    write(SummaryCsv(out, None), [*season(), body([scored("=1+1", 1)], ["Bob"])])
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    ada = next(row for row in rows if row["player"] == "Ada")
    assert (ada["mode"], ada["games"], ada["wins"], ada["goals"]) == ("2v2", "3", "3", "3")
    assert ada["boost_bpm"] == "301"
    bob = next(row for row in rows if row["player"] == "Bob")
    assert bob["boost_bpm"] == ""
    assert any(row["player"] == "'=1+1" for row in rows)


def test_csv_by_series_has_winner_and_loser():
    out = io.StringIO()
    write(SummaryCsv(out, By.SERIES), season())
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert (row["winner"], row["loser"], row["wins"], row["losses"]) == ("SAN", "DEN", "3", "0")


@pytest.mark.parametrize("columns", [60, 80, 120, 160])
def test_no_line_of_a_summary_ever_breaks(columns, terminal_of, capsys):
    terminal_of(columns)
    games = [
        body([scored(left or "?", 10**6)] * 4, [scored(right or "?", 1)] * 4, (10**6, 4))
        for left, right in product(HOSTILE, HOSTILE)
    ]
    write(SummaryTable(None, View.ALL), [*games, {}])
    for line in ESCAPES.sub("", capsys.readouterr().out).splitlines():
        assert max(cell_len(line), sum(map(cell_len, line))) <= columns, line
