"""What a coach reads of a match: no number is ever other than the true one."""

from __future__ import annotations

import re
from functools import partial
from itertools import product
from typing import Any

import pytest
from rich.cells import cell_len

from devkit.terminal import ESCAPES
from parsekit.formats.listing import MatchLines
from parsekit.formats.table import MatchDetail
from parsekit.formats.views import View
from parsekit.model import JsonObject, Outcome

#: Headings of the scoreboard with the number of each that `player` has.
FIGURES = {
    "Score": "1234",
    "Goals": "11",
    "Assists": "12",
    "Saves": "13",
    "Shots": "14",
    "Boost": "412",
    "Speed": "1549",
}
LONG_NAME = "A name of thirty-two characters."


def player(name: str) -> JsonObject:
    score, goals, assists, saves, shots, bpm, speed = map(int, FIGURES.values())
    core = {"score": score, "goals": goals, "assists": assists, "saves": saves, "shots": shots}
    movement = {"avg_speed": speed}
    return {"name": name, "stats": {"core": core, "boost": {"bpm": bpm}, "movement": movement}}


def data(*names: str) -> JsonObject:
    return {"blue": {"players": [player(name) for name in names]}}


def shown(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    MatchDetail().write(Outcome(replay="r", task_id="t", data=data(*names)))
    return ESCAPES.sub("", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize(("columns", "count"), [(26, 2), (40, 3), (50, 5), (60, 6), (68, 7)])
def test_a_number_is_whole_or_its_column_is_left_out_and_named(columns, count, terminal_of, capsys):
    terminal_of(columns)
    lines = shown(capsys, "Ada", LONG_NAME)
    headings, numbers = [*FIGURES], [*FIGURES.values()]
    (heads,) = (line.split()[1:] for line in lines if "Player" in line)
    assert heads == headings[:count]
    players = [line.split()[-count:] for line in lines if "Ada" in line or "A name" in line]
    assert players == [numbers[:count]] * 2
    assert max(len(line) for line in lines) <= columns
    note = " ".join(lines[lines.index(next(x for x in lines if "A name" in x)) + 1 :])
    assert all((heading in note) == (heading in headings[count:]) for heading in headings)


def test_names_are_cut_before_a_figure_is_left_out_but_not_below_twelve(terminal_of, capsys):
    terminal_of(62)
    assert any("  A name of th" in line for line in shown(capsys, LONG_NAME))
    terminal_of(26)
    assert any("  A name of…" in line for line in shown(capsys, LONG_NAME))


def test_a_pipe_has_every_column_whatever_the_terminal_beside_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    (line,) = (line for line in shown(capsys, "Ada") if "Ada" in line)
    assert line.split() == ["Ada", *FIGURES.values()]


def test_a_number_of_many_digits_is_whole(terminal_of, capsys):
    terminal_of(40)
    match = data("Ada")
    match["blue"]["players"][0]["stats"]["core"]["score"] = 10**15
    MatchDetail().write(Outcome(replay="r", task_id="t", data=match))
    assert str(10**15) in capsys.readouterr().out


def test_a_terminal_without_abilities_has_a_width_all_the_same(monkeypatch, terminal_of, capsys):
    """Rich takes each for one of 80 columns."""
    monkeypatch.setenv("TERM", "dumb")
    terminal_of(40)
    assert max(len(line) for line in shown(capsys, LONG_NAME)) <= 40


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
    assert "BLUE 6 – 0 ORANGE" in lines
    assert [line.split() for line in lines if line.startswith("BLUE won")] == [["BLUE", "won", "6"]]
    assert "final score 6-0; the players' goals add up to 8-0" in lines
    MatchLines().write(outcome)
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["Ada", "6-0"]


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
    assert "1v1 · 2015-10-27 17:29 UTC · stream: header only" in lines
    assert [line.split() for line in lines if "Ada" in line] == [["Ada"]]
    MatchLines().write(outcome)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["Ada", "?", "r", "2015-10-27", "header", "only"]


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
    assert f"1v1 · {shown_as}" in capsys.readouterr().out.splitlines()


def body(**members: Any) -> JsonObject:
    """A match between Ada, most valuable, and Bob, who left, with a bot in his place."""
    ada = {**player("Ada"), "mvp": True, "start_time": 0, "end_time": 370.5, "car_name": "Octane"}
    ada["rank"] = {"name": "Grand Champion I Division 2"}
    bob = {**player("Bob"), "start_time": 0, "end_time": 86.2}
    bot = {**player("Poncho"), "start_time": 86.2, "end_time": 370.5, "id": {}}
    score = {"final_score": {"blue": 2, "orange": 1}}
    return {"blue": {"players": [ada]}, "orange": {"players": [bob, bot]}, **score, **members}


def page(
    capsys: pytest.CaptureFixture[str], match: JsonObject, *, view: View = View.CORE
) -> list[str]:
    MatchDetail(view).write(Outcome(replay="r", task_id="t", data=match))
    return ESCAPES.sub("", capsys.readouterr().out).splitlines()


def test_goals_stand_first_with_time_clock_score_scorer_and_assist(capsys):
    goals = [
        {"team": "blue", "player": "Ada", "time": 65.2, "clock": 240, "assist": "Eve"},
        {"team": "orange", "player": "Bob", "time": 301, "clock": 12},
        {"team": "blue", "player": "Bob", "time": 372.9, "clock": 21, "overtime": True},
    ]
    lines = page(capsys, body(goals=goals))
    head = next(place for place, line in enumerate(lines) if line.split()[:1] == ["Goal"])
    assert head < next(place for place, line in enumerate(lines) if "Player" in line)
    assert [line.split() for line in lines[head : head + 4]] == [
        ["Goal", "Clock", "Score", "Scorer", "Assist"],
        ["1:05", "4:00", "1-0", "Ada", "Eve"],
        ["5:01", "0:12", "1-1", "Bob"],
        ["6:12", "+0:21", "2-1", "Bob", "(own", "goal)"],
    ]


def test_goals_of_a_header_alone_are_listed_without_times(capsys):
    lines = page(capsys, body(goals=[{"team": "blue", "player": "Ada"}]))
    assert ["1-0", "Ada"] in [line.split() for line in lines]


@pytest.mark.parametrize("odd", [None, 3, "x", [None], [3], [{"team": 0}], {"a": 1}])
def test_goals_of_another_form_break_nothing(odd, capsys):
    assert any("Ada" in line for line in page(capsys, body(goals=odd)))


def test_winner_mvp_leavers_bots_rank_and_car_are_marked(capsys):
    lines = page(capsys, body())
    assert any(line.startswith("BLUE won") for line in lines)
    (ada,) = (line.split() for line in lines if "Ada" in line)
    assert ada[:6] == ["★", "Ada", "GC1", "div", "2", "Octane"]
    (bob,) = (line.split() for line in lines if "Bob" in line)
    assert bob[:2] == ["Bob", "0:00–1:26"]
    (bot,) = (line.split() for line in lines if "Poncho" in line)
    assert bot[:3] == ["Poncho", "(bot)", "1:26–6:10"]
    assert "★ most valuable player" in lines


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ({"overtime": True, "overtime_seconds": 150}, "BLUE 2 – 1 ORANGE  after 2:30 of overtime"),
        ({"forfeit": True}, "BLUE 2 – 1 ORANGE  forfeit"),
        ({"unfinished": True}, "BLUE 2 – 1 ORANGE  not played to its end"),
        ({"final_score": None}, "BLUE 11 – 22 ORANGE"),
    ],
)
def test_the_result_says_how_it_came_about(members, result, capsys):
    assert result in page(capsys, body(**members))


def test_a_training_session_is_named(capsys):
    lines = page(capsys, {"match_type": "Training", "map_name": "Beckwith Park"})
    assert lines[0] == "Training · Beckwith Park"
    assert "a training session, which has no players · --format json shows all there is" in lines


@pytest.mark.parametrize(
    ("members", "mode"),
    [
        ({"playlist_name": "Ranked Duels"}, "Ranked Duels"),
        ({"playlist_name": "Private", "mode": "Heatseeker"}, "Private 1v1 Heatseeker"),
        ({"playlist_name": "Rumble"}, "Rumble 1v1"),
        ({}, "1v1"),
    ],
)
def test_the_mode_is_named(members, mode, capsys):
    assert page(capsys, body(**members))[0] == mode


@pytest.mark.parametrize("view", View)
def test_each_view_has_its_columns(view, capsys):
    """A statistic of every group is known here, and named only where its view is shown."""
    match = body()
    match["blue"]["players"][0]["stats"] |= {
        "boost": {"bcpm": 1},
        "positioning": {"percent_most_back": 1},
        "movement": {"percent_low_air": 1},
        "demo": {"taken": 1},
    }
    text = "\n".join(page(capsys, match, view=view))
    own = {"boost": "Collected", "positions": "Last back", "movement": "Low air", "demos": "Taken"}
    for name, heading in own.items():
        if view != View.CORE:
            assert (heading in text) == (view in (name, View.ALL)), heading


def colours(capsys: pytest.CaptureFixture[str]) -> str:
    MatchDetail().write(Outcome(replay="r", task_id="t", data=body()))
    return capsys.readouterr().out


def test_teams_have_their_colours_on_a_terminal(monkeypatch, terminal_of, capsys):
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal_of(80)
    text = colours(capsys)
    # In a process that has shown them on a terminal of 16 colours before, rich stays with those.
    assert re.search(r"\x1b\[1;(38;5;33|94)mBLUE 2\x1b\[0m", text)
    assert re.search(r"\x1b\[(38;5;208|91)m1 ORANGE\x1b\[0m", text)


def test_no_color_takes_them_away_and_a_pipe_has_no_escapes(monkeypatch, terminal_of, capsys):
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in colours(capsys)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal_of(80)
    assert not re.search(r"\x1b\[[0-9;]*(38|9[0-7])", colours(capsys))


HOSTILE = (
    "x" * 64,
    "👨‍👩‍👧‍👦" * 16,
    "日本語" * 20,
    "שלום" * 16,
    "\u202egnp.exe\u2066",
    "\x1b[2J\r\n\ttab",
    "é" * 40 + "\u0301" * 20,
    "",
)
SIDES = (HOSTILE, HOSTILE[:1], ())


def hostile_match(blue: tuple[str, ...], orange: tuple[str, ...]) -> JsonObject:
    goals = [{"team": "blue", "player": n, "time": 9e9, "assist": n} for n in blue]
    return {
        "title": "🎉" * 64,
        "map_name": HOSTILE[2],
        "playlist_name": HOSTILE[0],
        "date": "2026-03-10T18:55:49Z",
        "duration": 10**9,
        "overtime": True,
        "overtime_seconds": 10**9,
        "goals": goals,
        "blue": {"players": [player(name) for name in blue]},
        "orange": {"players": [player(name) for name in orange], "name": "日" * 64},
        "final_score": {"blue": 10**6, "orange": 3},
    }


@pytest.mark.parametrize("columns", [60, 80, 120, 160])
@pytest.mark.parametrize("writer", [MatchLines, *(partial(MatchDetail, view) for view in View)])
def test_no_line_ever_breaks(columns, writer, terminal_of, capsys):
    """Counted as `rich` counts cells, and as terminals do that know no joined emoji."""
    terminal_of(columns)
    for blue, orange in product(SIDES, SIDES):
        match = hostile_match(blue, orange)
        replay = f"s3://bucket/{HOSTILE[1]}/{HOSTILE[2]}.replay"
        writer().write(Outcome(replay=replay, task_id="t", data=match))
    for line in ESCAPES.sub("", capsys.readouterr().out).splitlines():
        assert max(cell_len(line), sum(map(cell_len, line))) <= columns, line
        assert "\x1b" not in line
        assert "\u202e" not in line


def test_a_list_leads_with_who_played_and_the_file(terminal_of, capsys):
    terminal_of(60)
    outcome = Outcome(replay="season/week 1/final 🚀.replay", task_id="t", data=body())
    MatchLines().write(outcome)
    head, line = ESCAPES.sub("", capsys.readouterr().out).splitlines()
    assert head.split() == ["BLUE", "SCORE", "ORANGE", "FILE"]
    assert line.split() == ["Ada", "2-1", "Bob", "final", "🚀.replay"]


def test_the_map_gives_way_first(terminal_of, capsys):
    for columns, last in ((120, "MAP"), (100, "MODE"), (80, "TIME"), (70, "DATE"), (60, "FILE")):
        terminal_of(columns)
        MatchLines().write(Outcome(replay="r", task_id="t", data=body()))
        assert ESCAPES.sub("", capsys.readouterr().out).split("\n")[0].split()[-1] == last


def test_many_names_are_cut_alike_and_the_rest_counted(terminal_of, capsys):
    terminal_of(80)
    names = tuple(f"Player number {n}" for n in range(8))
    match = {"blue": {"players": [player(name) for name in names]}}
    MatchLines().write(Outcome(replay="r", task_id="t", data=match))
    assert "Play…, Play…, +6" in capsys.readouterr().out


def test_files_of_one_name_are_told_apart_by_their_folder(terminal_of, capsys):
    terminal_of(120)
    for week in ("week 1", "week 2"):
        MatchLines().write(Outcome(replay=f"season/{week}/a.replay", task_id="t", data=body()))
    text = capsys.readouterr().out
    assert "week 1/a.replay" in text
    assert "week 2/a.replay" in text
