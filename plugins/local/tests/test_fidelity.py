from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parsekit import JsonObject
from parsekit.errors import BadRequest
from parsekit_local.fidelity.command import fidelity
from parsekit_local.fidelity.comparison import Compared, compare
from parsekit_local.fidelity.grades import Reading, compact, fidelity_of
from parsekit_local.fidelity.score import FidelityCard


def _value(wanted: Any, got: Any, field: str = "players.stats.boost.time_zero_boost") -> Compared:
    return Compared(field=field, where="blue 1", wanted=wanted, got=got)


@pytest.mark.parametrize(
    ("wanted", "got", "exact", "within"),
    [
        (47.2, 47.2, True, True),
        (47.2, 47.204, True, True),
        (47.2, 47.21, False, True),
        (47.2, 47.7, False, False),
        (460.11874, 460.1187, True, True),
        (0, 0.004, True, True),
        (0, 0.5, False, False),
        (0.02, 0.03, False, True),
        (10, None, False, False),
        ("a", "a", True, True),
        ("a", "b", False, False),
        (True, 1, True, True),
        (False, None, False, False),
    ],
)
def test_values_are_judged_by_their_published_digits(
    wanted: Any, got: Any, exact: bool, within: bool
) -> None:
    value = _value(wanted, got)
    assert (value.exact, value.within(0.01)) == (exact, within)


@pytest.mark.parametrize(
    "field",
    [
        "players.stats.core.score",
        "teams.stats.demo.taken",
        "players.stats.boost.count_stolen_big",
        "players.stats.positioning.goals_against_while_last_defender",
    ],
)
def test_counts_have_to_be_equal(field: str) -> None:
    assert not _value(1000, 1001, field).within(0.05)
    assert _value(1000, 1000, field).exact


def test_errors_are_relative() -> None:
    assert _value(200, 190).error == pytest.approx(0.05)
    assert _value(200, None).error == 1
    assert _value(0, 7).error == 1
    assert _value("x", "x").error == 0


def _player(name: str, bpm: float, account: JsonObject) -> JsonObject:
    return {"name": name, "id": account, "stats": {"boost": {"bpm": bpm}}}


def _body(*blue: JsonObject) -> JsonObject:
    return {
        "id": "site",
        "duration": 300,
        "blue": {"color": "blue", "players": list(blue)},
        "orange": {"color": "orange"},
    }


def test_players_are_matched_by_account_before_name() -> None:
    first, second = {"platform": "steam", "id": "1"}, {"platform": "steam", "id": "2"}
    wanted = _body(_player("a", 100, first), _player("b", 200, second))
    got = _body(_player("b", 100, first), _player("a", 200, second))
    bpm = [value for value in compare(wanted, got) if value.field.endswith("bpm")]
    assert [value.exact for value in bpm] == [True, True]


def test_a_missing_player_is_missing_in_every_field() -> None:
    wanted = _body(_player("a", 100, {}), _player("b", 200, {}))
    missing = [v for v in compare(wanted, _body(_player("a", 100, {}))) if v.where == "blue 2"]
    assert missing
    assert {value.got for value in missing} == {None}


def test_a_number_that_ballchasing_leaves_out_is_zero() -> None:
    ours = _body(_player("a", 100, {}))
    ours["blue"]["players"][0]["stats"]["positioning"] = {"goals_against_while_last_defender": 2}
    wanted = _body(_player("a", 100, {}))
    wanted["blue"]["players"][0]["stats"]["positioning"] = {}
    (extra,) = [v for v in compare(wanted, ours) if v.field.endswith("last_defender")]
    assert (extra.wanted, extra.got) == (0, 2)


def test_the_site_s_own_fields_are_not_compared() -> None:
    assert "id" not in {value.field for value in compare(_body(), _body())}


def _card(*errors: float) -> FidelityCard:
    card = FidelityCard()
    card.add("pair", [_value(100.0, 100.0 + error) for error in errors])
    return card


def test_a_field_is_graded_by_its_shares() -> None:
    name = "players.stats.boost.time_zero_boost"
    assert _card(*[0.0] * 98, 1.0, 1.0).fields[name].grade == "exact"
    assert _card(*[0.0] * 97, 0.5, 0.5, 50).fields[name].grade == "close"
    assert _card(*[0.0] * 90, *[9.0] * 10).fields[name].grade == "approximate"


def test_a_card_tells_median_tail_and_worst() -> None:
    found = _card(*[0.0] * 9, 5.0).total
    assert (found.n, found.exact, found.within_1_percent, found.within_5_percent) == (10, 9, 9, 10)
    assert (found.median_error_percent, found.p95_error_percent) == (0, 5)
    assert [worst.got for worst in found.worst] == ["105.0"]


def test_a_card_shows_no_text_of_a_body() -> None:
    card = FidelityCard()
    card.add("pair", [_value("somebody", "somebody else", "players.name")])
    assert "somebody" not in json.dumps(card.total.to_json())


def test_grades_are_compacted_where_a_group_agrees() -> None:
    assert compact({"a.b.c": "exact", "a.b.d": "exact", "a.e": "close", "f": "exact"}) == {
        "a.b": "exact",
        "a.e": "close",
        "f": "exact",
    }


def test_a_last_group_has_its_usual_grade_and_names_what_differs() -> None:
    grades = {"a.b.c": "exact", "a.b.d": "exact", "a.b.e": "close", "a.f": "close"}
    assert compact(grades) == {"a.b": "exact", "a.b.e": "close", "a.f": "close"}


def test_what_no_pair_is_of_is_approximate() -> None:
    grades = fidelity_of(Reading.WHOLE, as_measured=False)["grades"]
    assert grades["players.stats.movement"] == grades["teams.stats.ball"] == "approximate"
    assert grades["players.stats.core"] == grades["players.camera"] == "exact"


def test_grades_follow_how_much_was_read() -> None:
    whole, cut, header = (fidelity_of(reading)["grades"] for reading in Reading)
    assert whole["players.stats.core"] == header["players.stats.core"] == "exact"
    assert whole["players.stats.movement"] == "exact"
    assert cut["players.stats.movement"] == "approximate"
    assert header["players.stats.movement"] == "absent"
    assert whole["id"] == "absent"


@pytest.fixture
def replays(tmp_path: Path, good_replays: list[Path]) -> Path:
    """A folder with the good replays and nothing else."""
    folder = tmp_path / "replays"
    folder.mkdir()
    for path in good_replays:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def published(tmp_path: Path, samples: dict[str, JsonObject]) -> Path:
    """A folder with Ballchasing's bodies of some of them."""
    folder = tmp_path / "bodies"
    folder.mkdir()
    for stem, body in samples.items():
        (folder / f"{stem}.ballchasing.json").write_text(json.dumps(body))
    return folder


def test_the_command_writes_both_cards(
    replays: Path, published: Path, tmp_path: Path, samples: dict[str, JsonObject]
) -> None:
    markdown, card = tmp_path / "card.md", tmp_path / "card.json"
    fidelity(
        replays,
        bodies=published,
        markdown=markdown,
        json_card=card,
        fail_under=90,
    )
    written = json.loads(card.read_text())
    assert len(written["pairs"]) == len(samples)
    assert written["fields"]["players.camera.fov"]["grade"] == "exact"
    assert "| players.stats.boost.bpm | 20 | 100 %" in markdown.read_text()


def test_the_shipped_card_is_of_this_code(replays: Path, published: Path, tmp_path: Path) -> None:
    """Make it anew when this fails: the command stands in it."""
    card = tmp_path / "card.json"
    fidelity(replays, published, markdown=tmp_path / "card.md", json_card=card)
    plugin = Path(__file__).parents[1]
    shipped = json.loads((plugin / "parsekit_local" / "fidelity_card.json").read_text())
    assert shipped["fields"] == json.loads(card.read_text())["fields"]
    assert shipped["made_by"] in (plugin / "docs" / "fidelity.md").read_text()


def test_too_little_agreement_ends_with_code_1(
    shared: Path, tmp_path: Path, samples: dict[str, JsonObject], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "recent-ranked-doubles-2026-03-10"
    (tmp_path / f"{name}.replay").symlink_to(shared / "replays" / "good" / f"{name}.replay")
    wrong = json.loads(json.dumps(samples[name]).replace('"amount_', '"amount_of_'))
    (tmp_path / f"{name}.ballchasing.json").write_text(json.dumps(wrong))
    with pytest.raises(SystemExit) as end:
        fidelity(tmp_path, fail_under=99.5)
    assert end.value.code == 1
    said = capsys.readouterr()
    assert said.out.startswith("# Fidelity card")
    assert "not 99.5" in said.err


def test_a_folder_without_pairs_is_a_bad_request(tmp_path: Path) -> None:
    (tmp_path / "lonely.replay").touch()
    with pytest.raises(BadRequest, match="--bodies"):
        fidelity(tmp_path)


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"status": "pending"}'])
def test_a_file_that_is_no_body_is_named(tmp_path: Path, body: str) -> None:
    (tmp_path / "a.replay").touch()
    (tmp_path / "a.ballchasing.json").write_text(body)
    with pytest.raises(BadRequest, match=r"a\.ballchasing\.json is"):
        fidelity(tmp_path, bodies=tmp_path)


def test_a_replay_that_can_not_be_parsed_lacks_every_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.replay").write_bytes(b"no replay")
    (tmp_path / "a.ballchasing.json").write_text('{"status": "ok", "title": "A", "duration": 5}')
    with pytest.raises(SystemExit):
        fidelity(tmp_path, fail_under=1)
    said = capsys.readouterr()
    assert "a.replay: the replay's header is broken at byte 0" in said.err
    assert "| **all** | 2 | 0 % |" in said.out


def test_a_replay_of_which_only_the_header_is_read_is_on_no_card(
    shared: Path, tmp_path: Path, samples: dict[str, JsonObject], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its zeros would count as measurements, right ones among them."""
    (tmp_path / "a.replay").symlink_to(shared / "replays" / "good" / "7588d.replay")
    name = "recent-ranked-doubles-2026-03-10"
    (tmp_path / "b.replay").symlink_to(shared / "replays" / "good" / f"{name}.replay")
    for stem in "ab":
        (tmp_path / f"{stem}.ballchasing.json").write_text(json.dumps(samples[name]))
    card = tmp_path / "card.json"
    fidelity(tmp_path, json_card=card)
    assert json.loads(card.read_text())["pairs"] == ["b"]
    assert "a.replay: the replay has no frames" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fidelity(tmp_path, fail_under=50)
    assert "only the header could be read of 1 of the replays" in capsys.readouterr().err


def test_what_contradicts_the_header_is_graded_lower() -> None:
    doubtful = ("players.stats.core.goals", "teams.stats.boost")
    grades = fidelity_of(Reading.WHOLE, doubtful=doubtful)["grades"]
    assert grades["players.stats.core"] == "exact"
    assert grades["players.stats.core.goals"] == grades["teams.stats.boost"] == "approximate"


def test_what_is_not_there_is_absent_with_all_below_it() -> None:
    absent = ("players.stats.core", "final_score", "map_code", "server")
    grades = fidelity_of(Reading.WHOLE, absent=absent)["grades"]
    assert [grades[field] for field in absent] == ["absent"] * 4
    assert fidelity_of(Reading.HEADER_ONLY)["grades"]["final_score"] == "exact"
