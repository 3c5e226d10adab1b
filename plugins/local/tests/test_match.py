from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from parsekit_local.body.body import Findings, body_of
from parsekit_local.body.match import match_of
from parsekit_local.body.players import PlayerSources, player_entries
from parsekit_local.body.roster import participants
from parsekit_local.fidelity.grades import Reading
from parsekit_local.header.facts import HeaderFacts, header_facts
from parsekit_local.header.properties import Properties
from parsekit_local.header.reader import Header
from parsekit_local.stream.frames import Frames, PlatformAccount, PlayerTrack

MakeTrack = Callable[..., PlayerTrack]
MakeFrames = Callable[..., Frames]
_START = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)


def _facts(**properties: object) -> HeaderFacts:
    values: Properties = properties  # type: ignore[assignment]
    return header_facts(
        Header(
            major_version=868,
            minor_version=32,
            net_version=10,
            game_type="TAGame.Replay_Soccar_TA",
            properties=values,
        )
    )


def test_a_cut_stream_does_not_change_the_offset_of_the_date(make_frames: MakeFrames) -> None:
    """Twenty minutes of overtime are lost, and would count as a quarter of an hour or more."""
    saved = _START + timedelta(minutes=25)
    header = _facts(
        Date=saved.strftime("%Y-%m-%d %H-%M-%S"),
        MatchStartEpoch=int(_START.timestamp()),
        NumFrames=25 * 60 * 30,
        RecordFPS=30.0,
    )
    assert match_of(header, make_frames(), (), 9).saved.moment == saved


def test_a_header_alone_tells_what_it_can() -> None:
    match = match_of(_facts(MatchType="Private", MapName="Stadium_P"), None, (), 0)
    assert (match.playlist.id, match.map_name, match.server) == ("private", "DFH Stadium", None)
    assert (match.overtime, match.team_size, match.saved.has_timezone) == (False, 0, False)


def test_what_an_empty_header_does_not_tell_is_absent() -> None:
    findings = Findings(
        sha256="0" * 64,
        header=_facts(),
        frames=None,
        statistics=None,
        reading=Reading.HEADER_ONLY,
    )
    data = body_of(findings).data
    grades = data["fidelity"]["grades"]
    unknown = ("date", "season", "team_size", "duration", "map_code", "final_score")
    assert [grades[field] for field in unknown] == ["absent"] * 6
    assert data["blue"]["stats"]["core"] == {}


def test_the_team_size_is_the_larger_team_s_where_nothing_tells(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    frames = make_frames(
        *(make_track(name, team=team) for name, team in zip("abc", (0, 1, 1), strict=True))
    )
    assert match_of(_facts(), frames, participants([], frames), 9).team_size == 2


def test_an_unknown_map_and_playlist_are_called_so(make_frames: MakeFrames) -> None:
    match = match_of(_facts(MapName="New_Arena_P", MatchType="Online"), make_frames(), (), 9)
    assert (match.map_code, match.map_name) == ("new_arena_p", "Unknown")
    assert (match.playlist.id, match.playlist.name) == ("unknown", "Unknown")


def test_the_car_is_the_one_chosen_for_the_player_s_colour(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    account = PlatformAccount(platform="steam", id="1")
    frames = make_frames(make_track("a", account=account, team=1, body_ids=(23, 4284)))
    sources = PlayerSources(
        everybody=participants([], frames), statistics=None, has_score=True, ranks={}, winner=None
    )
    (entry,) = player_entries(sources, 1)
    assert (entry["car_id"], entry["car_name"]) == (4284, "Fennec")


def test_a_new_car_has_its_number_and_no_made_up_name(
    make_track: MakeTrack, make_frames: MakeFrames
) -> None:
    frames = make_frames(make_track("a", body_ids=(99999, 99999)))
    sources = PlayerSources(
        everybody=participants([], frames), statistics=None, has_score=True, ranks={}, winner=None
    )
    (entry,) = player_entries(sources, 0)
    assert (entry["car_id"], entry["car_name"]) == (99999, "Unknown")
