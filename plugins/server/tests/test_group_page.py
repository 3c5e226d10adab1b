"""The page of a group: standings, players, series, and what the group holds."""

from __future__ import annotations

import html
import re

from parsekit import Failure, JsonObject

from .browsing import Visitor, titles, visitor
from .running import Client, FakeParsing, RunningServer, body, player, replay_bytes

WINNERS, LOSERS = ("Ann", "Ben"), ("Cy", "Dee")


def game(number: int, goals: tuple[int, int] = (2, 0), **changes: object) -> JsonObject:
    """A game of an evening, of Ann and Ben in blue."""
    made = body(match_guid=f"{number:032X}", date=f"2026-03-01T20:{10 * number:02}:00Z")
    for color, scored, names in (("blue", goals[0], WINNERS), ("orange", goals[1], LOSERS)):
        first = 1 if color == "blue" else 3
        players = [player(name, first + n, goals=0) for n, name in enumerate(names)]
        players[0] = player(names[0], first, goals=scored, shots=4)
        made[color] = {**made[color], "players": players, "stats": {"core": {"goals": scored}}}
    return made | changes


def group_of(client: Client, name: str = "League", parent: str | None = None) -> str:
    """A new group."""
    made = client.call("POST", "/groups", json={"name": name, "parent": parent})
    assert made.status_code == 201, made.text
    group: str = made.json()["id"]
    return group


def rows_of(page: str, caption: str) -> list[list[str]]:
    """The cells of each line of the table with this caption."""
    (table,) = re.findall(rf"<caption>{caption}</caption>.*?</table>", page, re.DOTALL)
    lines = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.DOTALL)
    cells = (re.findall(r"<t[hd].*?>(.*?)</t[hd]>", line, re.DOTALL) for line in lines)
    return [[html.unescape(re.sub("<.*?>", "", cell)) for cell in line] for line in cells]


def test_standings_count_wins_and_average_the_games(client: Client, parsing: FakeParsing) -> None:
    group = group_of(client)
    for number, goals in enumerate([(3, 0), (1, 2), (2, 0)]):
        parsing.answer(replay_bytes(number), game(number, goals))
        client.uploaded(replay_bytes(number), group=group)
    page = Visitor(root=client.root).see(f"/group/{group}")
    first, second = rows_of(page, "Standings in 2v2")
    assert first[:6] == ["Ann & Ben", "3", "2–1", "67 %", "2.00", "–"]
    assert second[:5] == ["Cy & Dee", "3", "1–2", "33 %", "0.67"]
    assert rows_of(page, "Players in 2v2")[0][:4] == ["Ann", "3", "2–1", "67 %"]
    (series,) = re.findall(r'<ul class="series">(.*?)</ul>', page)
    assert "Ann &amp; Ben 2-1 Cy &amp; Dee" in series
    assert "best of 3 · 3–0, 1–2, 2–0" in series
    assert len(titles(page)) == 3


def test_teams_are_told_apart_as_the_group_says(client: Client, parsing: FakeParsing) -> None:
    group = group_of(client)
    for number, names in enumerate([("Ann", "Ben"), ("Ann", "Eve")]):
        made = game(number)
        blue = [player(name, sum(map(ord, name))) for name in names]
        parsing.answer(replay_bytes(number), made | {"blue": {**made["blue"], "players": blue}})
        client.uploaded(replay_bytes(number), group=group)
    stranger = Visitor(root=client.root)
    teams = {
        "by-player-clusters": ["Ann & Ben & Eve"],
        "by-distinct-players": ["Ann & Ben", "Ann & Eve"],
    }
    for how, names in teams.items():
        client.call("PATCH", f"/groups/{group}", json={"team_identification": how})
        lines = rows_of(stranger.see(f"/group/{group}"), "Standings in 2v2")
        assert sorted(line[0] for line in lines) == sorted([*names, "Cy & Dee"])


def test_a_group_shows_groups_in_it_and_sums_what_is_below(
    client: Client, parsing: FakeParsing
) -> None:
    season = group_of(client, "Season <1>")
    week = group_of(client, "Week 1", season)
    client.uploaded(replay_bytes(), group=week)
    parsing.answer(replay_bytes(2), Failure(code="parser_failed", message="can't be read"))
    client.uploaded(replay_bytes(2), group=week)
    stranger = Visitor(root=client.root)
    above, below = stranger.see(f"/group/{season}"), stranger.see(f"/group/{week}")
    assert "<title>Season &lt;1&gt;</title>" in above
    assert f'<a href="/group/{week}"><bdi>Week 1</bdi></a> <span class="facts">2 replays' in above
    assert titles(above) == []
    assert rows_of(above, "Standings in 2v2") == rows_of(below, "Standings in 2v2") != []
    assert "1 could not be parsed" in above
    assert f'in <a href="/group/{season}"><bdi>Season &lt;1&gt;</bdi></a>' in below


def test_a_stranger_is_not_told_of_a_group_with_nothing_to_see(server: RunningServer) -> None:
    client, stranger = server.client(), Visitor(root=server.root)
    season = group_of(client, "Secret season")
    week = group_of(client, "Secret week", season)
    client.uploaded(replay_bytes(), group=week, visibility="private")
    for group in (season, week, "none"):
        assert stranger.load(f"/group/{group}").status_code == 404
    assert "Secret week" in visitor(client).see(f"/group/{season}")
    client.call("PATCH", f"/groups/{week}", json={"shared": True})
    assert "Secret week" in stranger.see(f"/group/{week}")


def test_a_shared_link_of_a_group_says_who_leads(client: Client, parsing: FakeParsing) -> None:
    group = group_of(client, 'The "league"')
    parsing.answer(replay_bytes(), game(1))
    client.uploaded(replay_bytes(), group=group)
    page = Visitor(root=client.root).see(f"/group/{group}")
    about = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
    assert html.unescape(about["title"]) == 'The "league"'
    assert html.unescape(about["description"]) == "1 replay · 2v2: Ann & Ben 1–0, Cy & Dee 0–1"
    assert about["url"] == f"{client.root}/group/{group}"
    assert 'name="robots" content="noindex"' in page


def test_replays_name_their_group_and_who_owns_it_is_led_to_the_upload(client: Client) -> None:
    group = group_of(client)
    replay_id = client.uploaded(replay_bytes(), group=group)
    stranger, owner = Visitor(root=client.root), visitor(client)
    for path in ("/", f"/replay/{replay_id}"):
        assert f'href="/group/{group}"' in stranger.see(path)
    assert f'href="/upload?group={group}"' in owner.see(f"/group/{group}")
    assert "/upload" not in stranger.see(f"/group/{group}")


def test_pages_of_a_group_go_on_where_the_last_one_ended(client: Client) -> None:
    group = group_of(client)
    for seed in range(3):
        client.uploaded(replay_bytes(seed), group=group)
    stranger = Visitor(root=client.root)
    first = stranger.see(f"/group/{group}?count=2")
    (following,) = re.findall(r'<a href="([^"]*)" rel="next">', first)
    assert len(titles(first)) == 2
    assert len(titles(stranger.see(html.unescape(following)))) == 1
