"""The page of a player: the games that the visitor may find, their averages and pictures."""

from __future__ import annotations

import html
import re

from parsekit_server.access import Role

from .browsing import Visitor, visitor
from .running import Client, FakeParsing, RunningServer, body, player, replay_bytes
from .test_group_page import game

ANN = "/player/steam%3A1"


def results(page: str) -> list[str]:
    """Result and score of each game, newest first."""
    (table,) = re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL)
    return re.findall(r"</time></td><td>(.*?)</td>", table)


def upload(client: Client, parsing: FakeParsing, *scores: tuple[int, int]) -> None:
    """Upload a game for each score."""
    for number, goals in enumerate(scores):
        parsing.answer(replay_bytes(number), game(number, goals))
        client.uploaded(replay_bytes(number))


def test_a_player_has_games_averages_and_pictures(client: Client, parsing: FakeParsing) -> None:
    upload(client, parsing, (3, 0), (1, 2), (2, 0))
    page = Visitor(root=client.root).see(ANN)
    assert results(page) == ["won 2–0", "lost 1–2", "won 3–0"]
    assert "<b>2–1</b> in 3 games, 67 % won" in page
    averages = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert (averages["Goals"], averages["Shooting %"], averages["Boost/min"]) == (
        "2.00",
        "50",
        "–",
    )
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]*)"', page)
    assert "Goals over 3 games: 1 to 3, median 2" in labels
    assert results(Visitor(root=client.root).see("/player/steam%3A3")) == [
        "lost 0–2",
        "won 2–1",
        "lost 0–3",
    ]


def test_modes_are_never_averaged_together(client: Client, parsing: FakeParsing) -> None:
    upload(client, parsing, (3, 0), (1, 2))
    duel = body(match_guid="F" * 32, blue={"players": [player("Ann", 1)]})
    duel["orange"] = {"players": [player("Zoe", 9)]}
    parsing.answer(replay_bytes(9), duel)
    client.uploaded(replay_bytes(9))
    page = Visitor(root=client.root).see(ANN)
    assert re.findall(r"<h2 id=\"mode-\d\">(.*?)</h2>", page) == ["2v2", "1v1"]


def test_a_picture_needs_three_games(client: Client, parsing: FakeParsing) -> None:
    upload(client, parsing, (3, 0), (1, 2))
    assert "<svg" not in Visitor(root=client.root).see(ANN)


def test_lists_and_matches_lead_to_their_players(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    stranger = Visitor(root=client.root)
    for path in ("/", f"/replay/{replay_id}"):
        assert f'href="{ANN}"' in stranger.see(path)


def test_games_that_the_visitor_may_not_find_are_not_there(server: RunningServer) -> None:
    owner = server.client("she")
    owner.uploaded(replay_bytes(1), visibility="private")
    owner.uploaded(replay_bytes(2), visibility="unlisted")
    for person in (Visitor(root=server.root), visitor(server.client("he"))):
        assert person.load(ANN).status_code == 404
    for person in (visitor(owner), visitor(server.client("boss", Role.ADMIN))):
        assert len(results(person.see(ANN))) == 2


def test_nobody_has_the_page_of_nobody(client: Client) -> None:
    client.uploaded(replay_bytes())
    stranger = Visitor(root=client.root)
    for account in ("steam%3A77", ":", "steam%3A", "x" * 5000):
        assert stranger.load(f"/player/{account}").status_code == 404


def test_a_shared_link_of_a_player_counts_games(client: Client, parsing: FakeParsing) -> None:
    upload(client, parsing, (3, 0), (1, 2))
    page = Visitor(root=client.root).see(ANN)
    about = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
    assert html.unescape(about["description"]) == "Ann · 2 games · the last 2: 1 won, 1 lost"
    assert about["url"] == f"{client.root}{ANN}"


def test_older_games_stand_on_the_next_page(client: Client, parsing: FakeParsing) -> None:
    upload(client, parsing, (3, 0), (1, 2), (2, 0))
    stranger = Visitor(root=client.root)
    first = stranger.see(f"{ANN}?count=2")
    (following,) = re.findall(r'<a href="([^"]*)" rel="next">', first)
    assert results(first) + results(stranger.see(html.unescape(following))) == [
        "won 2–0",
        "lost 1–2",
        "won 3–0",
    ]
