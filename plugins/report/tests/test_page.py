"""The page as text: what it says, what it never does, and how large it is."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from parsekit_report.pitch import pitch_of
from parsekit_report.playback import AWAY, STEP_UU, playback_of

from .conftest import page
from .made import NAMES, header_only, outcome

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\u202egnirts a fo tuo",
    "W" * 64,
    "🚗💨👩‍👩‍👧",
    "\"'&lt;{{ 7 * 7 }}{% raw %}",
    "]]>--><!--",
    "\u2028\u0000\u001b[31m",
)


class Elements(HTMLParser):
    """Every element and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def text_of(page_text: str) -> str:
    """What a reader reads, with single spaces."""
    body = re.sub(r"<(script|style).*?</\1>", "", page_text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_page_has_the_same_bytes_for_the_same_input():
    assert page(outcome()) == page(outcome())


def test_no_address_is_in_a_page():
    text = page(outcome()) + page(outcome(salt=1), outcome(salt=2))
    assert re.findall(r"\w+://|(?:src|action|srcset|poster)=|url\(|@import", text) == []
    links = [
        attributes["href"]
        for tag, attributes in Elements(text).found
        if tag in ("a", "use", "link")
    ]
    assert links
    assert {link[0] for link in links if link} == {"#"}


def test_the_policy_allows_the_pages_own_style_and_script_alone():
    whole = page(outcome())
    [policy] = [a["content"] for tag, a in Elements(whole).found if a.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        [text] = re.findall(f"<{tag}>(.*?)</{tag}>", whole, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_no_element_has_a_style_or_a_handler_which_the_policy_would_stop():
    elements = Elements(page(outcome()) + page(outcome(salt=1), outcome(salt=2)))
    names = {name for _, attributes in elements.found for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("count", [1, 2])
def test_names_of_strangers_are_text_everywhere(count: int):
    made = [outcome((HOSTILE[:4], HOSTILE[4:]), salt=salt) for salt in range(count)]
    text = page(*made)
    assert "<img" not in text
    assert text.count("<script") == 1 + count  # ours, and the data of each player
    assert text.count("</script") == 1 + count
    names = re.findall(r"<bdi[^>]*>([^<]*)</bdi>", text)
    assert not [name for name in names if "49" in name]
    for name in HOSTILE[:6]:
        assert name in html.unescape(text)


def test_eight_a_team_all_have_their_lines():
    names = tuple([f"{side} {n}" for n in range(8)] for side in ("left", "right"))
    text = text_of(page(outcome((names[0], names[1]))))
    assert all(name in text for side in names for name in side)


def test_without_players_the_page_says_so():
    text = text_of(page(outcome(((), ()), goals=())))
    assert "Nobody is on the scoreboard" in text
    assert "No statistics are known" in text


def test_a_header_only_replay_lists_its_goals_and_makes_nothing_up():
    text = page(header_only(outcome()))
    read = text_of(text)
    assert "Ann" in read
    assert "Dee" in read
    assert "header" in read
    assert "– : –" in read
    assert re.findall(r"<td[^>]*>0[^<]*</td>", text) == []
    assert "<canvas" not in text
    assert "scored 2" in read


def test_a_partial_replay_says_what_its_numbers_are_of():
    whole = outcome()
    data: dict[str, Any] = {**(whole.data or {})}
    data["fidelity"] = {**data["fidelity"], "stream": "cut"}
    text = text_of(page(replace(whole, data=data, warnings=("the stream ends at 0:40",))))
    assert "only in part" in text
    assert "the stream ends at 0:40" in text


def test_what_is_graded_absent_is_a_dash():
    whole = outcome()
    data: dict[str, Any] = {**(whole.data or {})}
    grades = {**data["fidelity"]["grades"], "players.stats.core.saves": "absent"}
    data["fidelity"] = {**data["fidelity"], "grades": grades}
    [line] = re.findall(r"<tr class=\"mvp\">.*?</tr>", page(replace(whole, data=data)))
    assert ">–</td>" in line
    assert ">–</td>" not in re.findall(r"<tr class=\"mvp\">.*?</tr>", page(whole))[0]


def test_every_column_shows_its_grade():
    columns = re.findall(r'<th scope="col" class="n">([^<]*).*?</th>', page(outcome()))
    graded = re.findall(r'class="grade" title="(\w+):', page(outcome()))
    assert columns
    assert {"exact", "close", "approximate"} == set(graded)


def test_the_first_screen_says_how_sure_its_numbers_are():
    text = page(outcome())
    [head] = set(re.findall(r'<div class="roster.*?</thead>', text, re.DOTALL)[:1])
    assert re.findall(r'class="grade" title="(\w+): [^"]*">(.)<', head) == [
        *[("exact", "●")] * 5,
        ("approximate", "○"),
        ("close", "◐"),
        ("approximate", "○"),
    ]
    assert '<a href="#trust">how sure a number is</a>' in text
    assert 'id="trust"' in text


def test_the_games_own_counts_have_a_table_where_the_replay_has_them():
    whole = outcome()
    assert "Counted by the game itself" not in page(whole)
    assert whole.data is not None
    first, second, _ = whole.data["blue"]["players"]
    first["game_counters"] = {"epic_saves": 2, "flip_resets": 0, "unheard_of": 7}
    second["game_counters"] = {"epic_saves": 1, "flip_resets": "many"}
    pattern = r'<table[^>]*data-name="Counted by the game itself.*?</table>'
    [table] = re.findall(pattern, page(whole), re.DOTALL)
    rows = [text_of(row) for row in re.findall(r"<tr.*?</tr>", table)]
    assert rows[:4] == ["Player Epic saves Flip resets", "Ann 2 0", "Ben 1 –", "Cy – –"]


def test_every_touch_50_50_and_aerial_is_a_line():
    [section] = re.findall('<section id="touches".*?</section>', page(outcome()), re.DOTALL)
    lines = [text_of(row) for row in re.findall(r"<tr.*?</tr>", section, re.DOTALL)]
    assert lines[lines.index("Clock Player What km/h") + 1 :] == [
        "0:03 in Ann touch, 50/50 with Fay won –",
        "0:11 in Ann ~ touch –",
        "0:38 Fay ~ aerial, 6.4 m high –",
    ]


def test_goals_have_clock_scorer_score_and_speed():
    text = text_of(page(outcome()))
    assert "0:48 Ann 1–0" in text
    assert "0:28 Dee 1–1" in text
    assert "0:10 Ben 2–1" in text
    assert "90 km/h" in text


def table_of(page_text: str, part: str) -> list[str]:
    """The lines of the first table of a part, as text."""
    [section] = re.findall(f'<section id="{part}".*?</section>', page_text, re.DOTALL)
    table = re.findall(r"<table.*?</table>", section, re.DOTALL)[0]
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]


def test_kickoffs_tell_spawn_taker_support_time_and_outcome():
    [_, line] = table_of(page(outcome()), "kickoffs")
    assert line.startswith("1:00 Ann diagonal left, 2.10 s, first touch Ben diagonal left, 2.11 s")
    assert line.endswith("Eli diagonal left, 2.14 s Blue")


def test_demolitions_tell_who_did_it_to_whom():
    lines = table_of(page(outcome()), "demos")
    assert lines[0] == "by \\ of Ann Ben Cy Dee Eli Fay All"
    assert "Fay 1 0 0 0 0 0 1" in lines
    assert "the game 0 0 0 0 0 1 1" in lines


def test_shots_tell_what_became_of_them():
    lines = table_of(page(outcome()), "shots")[1:]
    assert lines == ["0:49 Ann 72 km/h goal", "0:20 Fay – saved"]


def test_pads_and_touches_are_counted():
    whole = page(outcome())
    assert "Ann 1 0 0 1" in table_of(whole, "pads")
    assert "Ann 2 1 0 1 1 0 0 0" in table_of(whole, "touches")


def test_the_strips_tell_the_match_in_numbers_as_well():
    head, first, *_ = table_of(page(outcome()), "clock")
    assert head.startswith("From Score Ball in orange's half Boost of Ann")
    assert first.startswith("0:00 1–0")
    assert first.endswith(" 2")


def test_who_came_late_or_left_is_marked():
    whole = outcome(seconds=120)
    assert whole.data is not None
    whole.data["blue"]["players"][1]["start_time"] = 30
    whole.data["orange"]["players"][0]["end_time"] = 45
    text = text_of(page(whole))
    assert "Ben came at 0:30" in text
    assert "Dee left at 0:45" in text


def test_a_page_of_a_full_match_is_small():
    names = tuple([f"Player {side}{n}" for n in range(3)] for side in "AB")
    goals = [(20.0 + 25 * n, n % 2, n % 6) for n in range(14)]
    assert len(page(outcome((names[0], names[1]), goals=goals, seconds=400)).encode()) < 400_000


def test_a_parser_without_a_timeline_gets_a_page_of_tables():
    text = page(replace(outcome(), timeline=None))
    assert "<canvas" not in text
    assert "Positioning" in text
    assert "does not tell the goals" in text


def test_positions_survive_the_way_into_the_page():
    made = outcome().timeline
    assert made is not None
    assert made.tracks is not None
    data = playback_of(made, pitch_of(made))
    assert data is not None
    for packed, track in zip([car["at"] for car in data["cars"]], made.tracks.cars, strict=True):
        for axis, text in enumerate(packed):
            wanted = track.coordinates()[axis::3]
            got = decoded(text)
            assert len(got) == len(wanted)
            for mine, real in zip(got, wanted, strict=True):
                assert mine == real if real == AWAY else abs(mine * STEP_UU - real) <= STEP_UU / 2


def decoded(text: str) -> list[int]:
    """A column as the page's script reads it."""
    data, out, value = iter(base64.b64decode(text)), [], AWAY
    for byte in data:
        if byte == 0:
            out += [value] * next(data)
            continue
        if byte == 0x80:
            value = int.from_bytes([next(data), next(data)], "little", signed=True)
        else:
            value += byte if byte < 0x80 else byte - 256
        out.append(value)
    return out


def test_names_of_players_differ_where_their_page_does():
    assert page(outcome()) != page(outcome((NAMES[1], NAMES[0])))
