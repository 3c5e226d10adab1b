from __future__ import annotations

from collections.abc import Callable

from parsekit_local.body.roster import participants
from parsekit_local.header.facts import HeaderPlayer
from parsekit_local.stream.frames import Frames, PlatformAccount, PlayerTrack, ScoreLine

MakeTrack = Callable[..., PlayerTrack]
MakeFrames = Callable[..., Frames]
_STEAM = PlatformAccount(platform="steam", id="76561190000000001")


def _line(
    name: str,
    *,
    account: PlatformAccount | None = None,
    numbered: bool = True,
    team: int = 0,
    score: int = 0,
) -> HeaderPlayer:
    return HeaderPlayer(
        name=name,
        team=team,
        is_bot=account is None,
        account=account,
        has_local_number=numbered,
        score_line=ScoreLine(score=score),
    )


def test_an_account_joins_both_sources_though_the_names_differ(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    other = make_track("b", account=PlatformAccount(platform="steam", id="2"))
    stream = make_frames(other, make_track("NAME", account=_STEAM))
    found = participants([_line("name", account=_STEAM)], stream)
    assert [(player.name, player.index) for player in found] == [("NAME", 1), ("b", 0)]


def test_the_header_s_score_wins_over_the_stream_s(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    stream = make_frames(make_track("a", account=_STEAM, score=10))
    (player,) = participants([_line("a", account=_STEAM, score=55)], stream)
    assert player.score_line.score == 55


def test_an_account_tells_more_than_a_name(make_track: MakeTrack, make_frames: MakeFrames) -> None:
    namesake = make_track("a", account=PlatformAccount(platform="steam", id="2"))
    stream = make_frames(namesake, make_track("b", account=_STEAM))
    found = participants([_line("a", account=_STEAM, score=1)], stream)
    assert [player.index for player in found] == [1, 0]


def test_two_players_of_one_machine_are_told_apart(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    second = PlatformAccount(platform="steam", id=_STEAM.id, player_number=1)
    stream = make_frames(make_track("a", account=second), make_track("a", account=_STEAM))
    found = participants([_line("a", account=_STEAM, score=1), _line("a", account=second)], stream)
    assert [player.index for player in found] == [1, 0]


def test_two_players_of_one_account_without_numbers_are_told_apart_by_name(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    """As in files of 2016, in whose header the account is all there is."""
    guest = PlatformAccount(platform="steam", id=_STEAM.id, player_number=1)
    stream = make_frames(make_track("a", account=_STEAM), make_track("a(2)", account=guest))
    lines = [
        _line("a(2)", account=_STEAM, numbered=False, score=9),
        _line("a", account=_STEAM, numbered=False, score=5),
    ]
    found = participants(lines, stream)
    assert [(player.name, player.index) for player in found] == [("a(2)", 1), ("a", 0)]
    assert [player.score_line.score for player in found] == [9, 5]


def test_an_account_without_a_number_is_enough_where_it_is_the_only_one(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    stream = make_frames(make_track("new name", account=_STEAM))
    (player,) = participants([_line("old name", account=_STEAM, numbered=False)], stream)
    assert player.index == 0


def test_two_players_of_one_account_have_different_numbers_without_a_stream() -> None:
    lines = [
        _line("a(2)", account=_STEAM, numbered=False, score=9),
        _line("a", account=_STEAM, numbered=False, score=5),
    ]
    numbers = {p.name: p.account and p.account.player_number for p in participants(lines, None)}
    assert numbers == {"a": 0, "a(2)": 1}


def test_a_guest_who_was_never_seen_gets_a_number_of_his_own(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    guest = PlatformAccount(platform="steam", id=_STEAM.id, player_number=1)
    lines = [_line(name, account=_STEAM, numbered=False) for name in ("a", "a(2)", "a(3)")]
    found = participants(lines, make_frames(make_track("a(2)", account=guest)))
    numbers = {player.name: player.account and player.account.player_number for player in found}
    assert numbers == {"a": 0, "a(2)": 1, "a(3)": 2}


def test_accounts_without_a_number_are_joined_by_name(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    """As PlayStation players of 2016, all of whom have the number 0 in the header."""
    header = PlatformAccount(platform="playstation", id="0", online_name="b")
    stream = make_frames(
        make_track("a", account=PlatformAccount(platform="playstation", id="1", online_name="a")),
        make_track("b", account=PlatformAccount(platform="playstation", id="1", online_name="b")),
    )
    found = participants([_line("b", account=header)], stream)
    assert {player.name: player.index for player in found} == {"a": 0, "b": 1}


def test_bots_of_one_name_are_each_joined_once(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    stream = make_frames(make_track("Bot"), make_track("Bot"))
    found = participants([_line("Bot"), _line("Bot")], stream)
    assert [player.index for player in found] == [0, 1]


def test_a_person_named_like_a_bot_is_not_the_bot(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    stream = make_frames(make_track("Bot"))
    found = participants([_line("Bot", account=_STEAM)], stream)
    assert [(player.is_bot, player.index) for player in found] == [(False, None), (True, 0)]


def test_who_never_played_is_not_listed(make_track: MakeTrack, make_frames: MakeFrames) -> None:
    spectator = make_track("spectator", account=_STEAM, team=None)
    late = make_track("late", cars=0)
    assert participants([], make_frames(spectator, late)) == ()


def test_a_leaver_is_listed_with_the_last_score(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    stream = make_frames(make_track("left", account=_STEAM, team=1, score=77))
    (player,) = participants([], stream)
    assert (player.team, player.score_line.score) == (1, 77)


def test_players_stand_by_team_then_score_then_name() -> None:
    lines = [
        _line("d", team=1, score=5),
        _line("b", score=5),
        _line("c", score=9),
        _line("a", score=5),
    ]
    assert [player.name for player in participants(lines, None)] == ["c", "a", "b", "d"]
