"""A body is right, or says that it is not: against the header of every real replay at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parsekit import Job, JsonObject, Parsed
from parsekit.errors import ParserFailed
from parsekit.testing import believable_match, write_replay
from parsekit_local.body.consistency import contradictions
from parsekit_local.body.roster import participants
from parsekit_local.header.facts import header_facts
from parsekit_local.header.properties import Properties
from parsekit_local.header.reader import Header, read_header
from parsekit_local.stream import lives

Parse = Callable[..., Parsed]
_GOALS = ("goals", "goals_against", "shooting_percentage")


@pytest.fixture(scope="module", params=["good", "odd"])
def results(request: pytest.FixtureRequest, shared: Path) -> list[tuple[str, Parsed, Properties]]:
    """Name, result and header's values of each real replay of a folder."""
    folder = shared / "replays" / request.param
    return [
        (name, parsed, read_header(folder / f"{name}.replay").properties)
        for name, parsed in request.getfixturevalue(request.param).items()
    ]


def _players(body: JsonObject) -> Iterator[JsonObject]:
    for color in ("blue", "orange"):
        yield from body[color]["players"]


def _points(values: Properties) -> tuple[object, object]:
    return values.get("Team0Score", 0), values.get("Team1Score", 0)


def test_nobody_s_id_stands_twice(results: list[tuple[str, Parsed, Properties]]) -> None:
    for name, parsed, _ in results:
        ids = Counter(str(player["id"]) for player in _players(parsed.data) if player["id"])
        assert max(ids.values(), default=1) == 1, (name, ids)


def test_the_final_score_is_the_header_s(results: list[tuple[str, Parsed, Properties]]) -> None:
    for name, parsed, values in results:
        if "NumFrames" in values and values["MatchType"] != "Training":
            score = parsed.data["final_score"]
            assert (score["blue"], score["orange"]) == _points(values), name
        else:
            assert "final_score" not in parsed.data, name


def test_goals_are_the_header_s_or_a_warning_tells(
    results: list[tuple[str, Parsed, Properties]],
) -> None:
    for name, parsed, values in results:
        if "final_score" not in parsed.data:
            continue
        cores = [parsed.data[color]["stats"]["core"] for color in ("blue", "orange")]
        goals = tuple(core["goals"] for core in cores)
        told = [warning for warning in parsed.warnings if "the final score is" in warning]
        assert bool(told) == (goals != _points(values)), (name, goals)
        grades = parsed.data["fidelity"]["grades"]
        for leaf in _GOALS:
            doubted = grades.get(f"players.stats.core.{leaf}") == "approximate"
            assert doubted == bool(told), (name, leaf)


def test_scores_are_those_of_the_header_s_lines(
    results: list[tuple[str, Parsed, Properties]],
) -> None:
    for name, parsed, values in results:
        lines = values.get("PlayerStats", [])
        assert isinstance(lines, list)
        wanted = Counter((line["Team"], line["Goals"], line["Score"]) for line in lines)
        found = Counter(
            (team, core["goals"], core["score"])
            for team, color in enumerate(("blue", "orange"))
            for core in (player["stats"]["core"] for player in parsed.data[color]["players"])
            if core
        )
        if found:
            assert not wanted - found, name


def test_who_stands_on_the_scoreboard_has_statistics(
    results: list[tuple[str, Parsed, Properties]],
) -> None:
    for name, parsed, _ in results:
        if parsed.data["fidelity"]["stream"] == "whole":
            assert all(player["stats"]["boost"] for player in _players(parsed.data)), name


def test_a_replay_without_frames_says_so(good: dict[str, Parsed]) -> None:
    warned = {name for name, parsed in good.items() if "has no frames" in str(parsed.warnings)}
    assert warned == {"6688", "7588d", "no-frames"}


def test_split_screen_of_2016(odd: dict[str, Parsed]) -> None:
    blue = odd["splitscreen-2016"].data["blue"]
    account = [p for p in blue["players"] if p["id"]["id"] == "76561198033459682"]
    assert [
        (p["name"][-3:], p["id"].get("player_number"), p["stats"]["core"]["goals"]) for p in account
    ] == [("(2)", 1, 6), ("00³", None, 1)]
    assert all(p["stats"]["movement"]["total_distance"] > 100_000 for p in account)
    assert blue["stats"]["core"]["goals"] == 8


def test_an_offline_season_match_has_its_six_cars(odd: dict[str, Parsed]) -> None:
    parsed = odd["offline-season-2016"]
    players = [(p["name"], p["stats"]["core"]["goals"]) for p in _players(parsed.data)]
    assert players == [
        ("Merlin", 1),
        ("Chipper", 1),
        ("Player 1", 1),
        ("Storm", 1),
        ("Rainmaker", 1),
        ("Fury", 0),
    ]
    assert parsed.warnings == ()


def test_a_reset_score_decides_the_match(odd: dict[str, Parsed]) -> None:
    """8-13 in goals of the players, 6-4 in the end."""
    body = odd["score-reset-2026"].data
    assert body["final_score"] == {"blue": 6, "orange": 4}
    assert [body[color]["stats"]["core"]["goals"] for color in ("blue", "orange")] == [8, 13]
    assert [p["name"] for p in _players(body) if p.get("mvp")] == ["hashir"]


def test_players_whose_cars_are_not_known_are_a_warning_and_have_no_numbers(
    parse: Parse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cars of a mode that the decoder does not know yet."""
    replay = write_replay(tmp_path / "a.replay", believable_match(team_size=2, seed=3), frames=300)
    monkeypatch.setattr(lives.Life, "is_car", property(lambda _: False))
    parsed = parse(replay)
    assert parsed.warnings == (
        "4 of 4 players have no car in the network stream: what they did is not known",
    )
    (stats, *_) = (player["stats"] for player in _players(parsed.data))
    assert stats["core"]["score"] > 0
    assert stats["boost"] == stats["movement"] == {}
    assert parsed.data["fidelity"]["grades"]["players.stats.boost"] == "approximate"
    with pytest.raises(ParserFailed, match="4 of 4 players"):
        parse(replay, Job(task_id="test", has_fallback=True))


def test_a_final_score_that_no_parser_can_mend_asks_no_other(parse: Parse, shared: Path) -> None:
    replay = shared / "replays" / "odd" / "own-goal.replay"
    parsed = parse(replay, Job(task_id="test", has_fallback=True))
    assert (
        "the final score is 0-2, and the goals of the players add up to 1-1" in parsed.warnings[0]
    )


def test_a_goal_of_the_list_that_nobody_is_credited_with_is_told() -> None:
    values: Properties = {
        "Team0Score": 1,
        "Goals": [{"PlayerName": "a", "PlayerTeam": 0}],
        "PlayerStats": [{"Name": "b", "Team": 0, "Goals": 1}],
    }
    header = header_facts(
        Header(
            major_version=868,
            minor_version=32,
            net_version=10,
            game_type="TAGame.Replay_Soccar_TA",
            properties=values,
        )
    )
    (found,) = contradictions(header, participants(header.players, None), stream_is_whole=False)
    assert found.sentence == "1 of 1 goals of the header's list are no player's goals"
    assert not found.may_be_missed
