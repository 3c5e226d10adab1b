"""What a coach reads of a match: no number is ever other than the true one."""

from __future__ import annotations

import sys

import pytest

from devkit.terminal import ESCAPES
from parsekit.formats.table import MatchDetail, MatchLines
from parsekit.model import JsonObject, Outcome

HEADINGS = ["Score", "Goals", "Assists", "Saves", "Shots", "Boost/min", "Speed"]
NUMBERS = ["1234", "11", "12", "13", "14", "412", "1549"]
LONG_NAME = "A name of thirty-two characters."


def player(name: str) -> JsonObject:
    score, goals, assists, saves, shots, bpm, speed = map(int, NUMBERS)
    core = {"score": score, "goals": goals, "assists": assists, "saves": saves, "shots": shots}
    movement = {"avg_speed": speed}
    return {"name": name, "stats": {"core": core, "boost": {"bpm": bpm}, "movement": movement}}


def data(*names: str) -> JsonObject:
    return {"blue": {"players": [player(name) for name in names]}}


def shown(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    MatchDetail().write(Outcome(replay="r", task_id="t", data=data(*names)))
    return ESCAPES.sub("", capsys.readouterr().out).splitlines()


def terminal_of(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


@pytest.mark.parametrize(
    ("columns", "count"), [(10, 2), (26, 2), (40, 4), (50, 5), (60, 6), (68, 7), (80, 7)]
)
def test_a_number_is_whole_or_its_column_is_left_out_and_named(columns, count, monkeypatch, capsys):
    terminal_of(columns, monkeypatch)
    lines = shown(capsys, "Ada", LONG_NAME)
    (heads,) = (line.split()[1:] for line in lines if "Player" in line)
    assert heads == HEADINGS[:count]
    players = [line.split()[-count:] for line in lines if "Ada" in line or "…" in line]
    assert players == [NUMBERS[:count]] * 2
    if columns > 25:
        assert max(len(line) for line in lines if "no room" not in line) <= columns
    told = f"no room for {', '.join(HEADINGS[count:])}; a wider terminal shows all"
    assert (told in lines) == (count < len(HEADINGS))


def test_names_are_cut_before_a_figure_is_left_out_but_not_below_twelve(monkeypatch, capsys):
    terminal_of(68, monkeypatch)
    assert any("  A name of thirt…" in line for line in shown(capsys, LONG_NAME))
    terminal_of(40, monkeypatch)
    assert any("  A name of…" in line for line in shown(capsys, LONG_NAME))


def test_a_pipe_has_every_column_whatever_the_terminal_beside_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    (line,) = (line for line in shown(capsys, "Ada") if "Ada" in line)
    assert line.split() == ["Ada", *NUMBERS]


def test_a_number_of_many_digits_is_whole(monkeypatch, capsys):
    terminal_of(30, monkeypatch)
    match = data("Ada")
    match["blue"]["players"][0]["stats"]["core"]["score"] = 10**15
    MatchDetail().write(Outcome(replay="r", task_id="t", data=match))
    assert str(10**15) in capsys.readouterr().out


def test_a_terminal_without_abilities_has_a_width_all_the_same(monkeypatch, capsys):
    """Rich takes each for one of 80 columns."""
    monkeypatch.setenv("TERM", "dumb")
    terminal_of(40, monkeypatch)
    assert max(len(line) for line in shown(capsys, LONG_NAME) if "no room" not in line) <= 40


def reset() -> JsonObject:
    """A match whose score was set anew: eight goals count for six."""
    match = data("Ada")
    match["blue"]["players"][0]["stats"]["core"]["goals"] = 8
    return {
        **match,
        "orange": {"stats": {"core": {"goals": 0}}},
        "final_score": {"blue": 6, "orange": 0},
    }


def test_the_score_is_the_final_one_and_another_sum_of_goals_is_told(capsys):
    outcome = Outcome(replay="r", task_id="t", data=reset())
    MatchDetail().write(outcome)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "BLUE" in line] == [["BLUE", "6"]]
    assert "final score 6-0; the players' goals add up to 8-0" in lines
    MatchLines().write(outcome)
    assert capsys.readouterr().out.splitlines()[1].startswith("6-0 ")


def test_goals_that_are_the_score_need_no_word(capsys):
    match = {**reset(), "final_score": {"blue": 11, "orange": 0}}
    MatchDetail().write(Outcome(replay="r", task_id="t", data={**match, **data("Ada")}))
    assert "add up" not in capsys.readouterr().out


def test_what_was_not_read_is_an_empty_cell_and_the_table_says_so(capsys):
    grades = {"unmeasured": "absent", "grades": {"players.name": "exact", "date": "exact"}}
    match = {
        **data("Ada"),
        "date": "2015-10-27T17:29:00Z",
        "duration": 0,
        "fidelity": {"stream": "header only", **grades},
    }
    outcome = Outcome(replay="r", task_id="t", data=match)
    MatchDetail().write(outcome)
    lines = capsys.readouterr().out.splitlines()
    assert "2015-10-27 17:29 UTC · stream: header only" in lines
    assert [line.split() for line in lines if "Ada" in line] == [["Ada"]]
    MatchLines().write(outcome)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["2015-10-27", "r", "(stream:", "header", "only)"]


@pytest.mark.parametrize(
    ("date", "shown_as"),
    [
        ("2026-03-10T18:55:49Z", "2026-03-10 18:55 UTC"),
        ("2025-03-15T16:45:41+01:00", "2025-03-15 16:45 UTC+01:00"),
        ("2025-03-15T16:45:41", "2025-03-15 16:45"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_date_has_its_zone(date, shown_as, capsys):
    """Without it a title with the recorder's day stood above the day before, in UTC."""
    MatchDetail().write(Outcome(replay="r", task_id="t", data={**data("Ada"), "date": date}))
    assert shown_as in capsys.readouterr().out.splitlines()
