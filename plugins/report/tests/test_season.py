"""The page of several matches: what is summed, what is never mixed, and how large it gets."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator

from parsekit import Outcome
from parsekit_report.collection import collect
from parsekit_report.page import page_of

from .conftest import page
from .made import NAMES, outcome
from .test_page import text_of

DUO = (("Ann", "Ben"), ("Dee", "Eli"))


def test_a_series_is_named_and_has_all_pictures_of_each_match():
    first = outcome(salt=1, date="2026-01-01T18:00:00Z")
    second = outcome(salt=2, date="2026-01-01T18:07:00Z")
    text = page(first, second)
    assert "Ann &amp; Ben &amp; Cy 2-0 Dee &amp; Eli &amp; Fay" in text
    assert text.count("<canvas") == 2


def test_modes_are_never_averaged_together():
    text = text_of(
        page(outcome(salt=1), outcome(DUO, salt=2, playlist_id="ranked-doubles"), outcome(salt=3))
    )
    assert "3v3, 2 matches" in text
    assert "2v2, 1 match" in text


def test_a_players_page_has_that_players_matches_alone():
    others = (("Gus", "Hal", "Ida"), NAMES[1])
    made = [outcome(salt=1, day=1), outcome(others, salt=2, day=2), outcome(salt=3, day=3)]
    text = page(*made, player="ann")
    assert "Ann: 2 matches" in text
    assert "2 won, 0 lost" in text_of(text)
    assert "Gus" not in text


def test_the_last_matches_are_the_newest():
    text = page(*[outcome(salt=day, day=day) for day in (3, 1, 2)], player="Ann", last=2)
    assert re.findall(r"2026-01-0(\d) 18:00</a>", text) == ["2", "3"]


def test_the_last_matches_of_many_have_all_their_pictures():
    made = [outcome(salt=day, day=day) for day in range(1, 13)]
    assert page(*made).count("<canvas") == 0
    assert page(*made, last=2).count("<canvas") == 2


def test_a_match_tells_what_differs_from_the_players_own_median():
    text = text_of(page(*[outcome(salt=salt, day=salt) for salt in range(1, 5)]))
    assert "own median over the other replays" in text


def test_a_replay_that_counts_in_no_sum_is_named():
    text = text_of(page(outcome(salt=1), outcome(salt=1, day=2)))
    assert "1 of the replays are in no sum" in text
    assert "the same match as match-1.replay" in text


def season(matches: int) -> Iterator[Outcome]:
    for salt in range(matches):
        names = (
            ("Ann", f"guest {salt} of blue", "Cy"),
            tuple(f"rival {salt} {n}" for n in range(3)),
        )
        yield outcome(names, goals=((12.0, 0, 0),), salt=salt, day=1 + salt % 28, seconds=15)


def test_a_season_of_200_is_small():
    assert len(page(*season(200)).encode()) < 2_000_000


def test_memory_hardly_grows_with_the_matches_of_a_season():
    def peak_bytes(matches: int) -> int:
        tracemalloc.start()
        for _ in page_of(collect(season(matches), player=None, last=None))[1]:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(10)  # templates are compiled once
    small, large = peak_bytes(20), peak_bytes(120)
    assert large - small < 100 * 30_000  # 24 kB a match, whose body and events have 300


def test_a_forfeit_at_a_draw_is_won_as_in_the_averages():
    made = [outcome(goals=(), salt=day, day=day, forfeit=True) for day in (1, 2)]
    text = text_of(page(*made, player="Ann"))
    assert "2 won, 0 lost" in text
    assert text.count("Blue won · by forfeit") == 2
    assert "Level at the end" not in text


def test_the_newest_match_is_the_newest_in_any_time_zone():
    later = outcome(salt=1, date="2026-01-01T23:00:00-05:00")
    sooner = outcome(salt=2, date="2026-01-02T01:00:00Z")
    assert "1 January 2026, 23:00 UTC-05:00" in page(later, sooner, last=1)


def test_the_line_of_a_trend_is_the_median_of_an_even_number_as_well():
    made = [outcome(salt=day, day=day) for day in range(1, 5)]
    for each, score in zip(made, (100, 200, 400, 500), strict=True):
        assert each.data is not None
        each.data["blue"]["players"][0]["stats"]["core"]["score"] = score
    assert "Score median 300" in text_of(page(*made, player="Ann"))
