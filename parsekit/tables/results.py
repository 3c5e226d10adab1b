"""The tables of matches, teams and players, and the flat one of ``--format csv|parquet``."""

from __future__ import annotations

from parsekit.body.reading import GROUPS
from parsekit.tables.facts import match_facts, player_facts, team_facts
from parsekit.tables.schema import Column, Table
from parsekit.tables.statistics import COUNTERS, STATISTICS

#: What joins the tables: the content of the replay.
KEY = (
    Column("replay", "text", "path or URL of the replay"),
    Column("hash", "text", "SHA-256 of the replay's content; joins the tables"),
)
_PARSER = (
    Column("parser", "text", "name of the parser"),
    Column("parser_version", "text", "version of the parser"),
)
_TITLE = (
    Column("title", "text", "name that the player gave the replay"),
    Column("date", "time", "when the match ended"),
    Column("map_code", "text", "the game's name of the map"),
    Column("map_name", "text", "name of the map"),
    Column("playlist_id", "text", "playlist, in Ballchasing's words"),
)
_LENGTH = (
    Column("duration_s", "number", "length of the match", "s"),
    Column("overtime", "boolean", "whether there was overtime"),
)
_TEAM = (
    Column("team", "text", "blue or orange"),
    Column("team_name", "text", "the team's own name"),
    Column("team_goals", "integer", "the team's final score, own goals of the others included"),
)
_PLAYER = (
    Column("player", "text", "name"),
    Column("platform", "text", "steam, epic, ps4, xbox, psynet"),
    Column("player_id", "text", "account on the platform"),
    Column("car", "text", "name of the car body"),
    Column("mvp", "boolean", "most valuable player of the match"),
)
_STATISTICS = tuple(column for column, _, _ in STATISTICS)
_NUMBER = Column("player_number", "integer", "number of a second player on one machine")
_WARNINGS = Column("warnings", "text", "what the parser says about its own result")
_OUTCOME = (
    Column("won", "boolean", "whether the team won; unknown after a draw without a winner"),
    Column("opponent_goals", "integer", "the other team's final score"),
)
_SCORE = (
    Column("final_score", "text", "goals of blue and orange, such as 3-1"),
    Column("overtime_s", "number", "length of the overtime, 0 without one", "s"),
)
_TIME = (
    Column("start_s", "number", "when the player came, from the beginning", "s"),
    Column("time_played_s", "number", "how long the player was there", "s"),
)
_MATCH = (
    Column("season", "integer", "season of the game"),
    Column("season_type", "text", "free2play since September 2020"),
    Column("match_id", "text", "the game's id of the replay, the same whoever uploads it"),
    Column("match_guid", "text", "the game's id of the match, the same for all who recorded it"),
)
_RANK = (
    Column("rank", "text", "rank in the playlist, where the recorder's plugin wrote it"),
    Column("rank_tier", "integer", "the same, 1 (Bronze I) to 22 (Supersonic Legend)"),
    Column("rank_division", "integer", "division of the rank, 1 to 4"),
)
_FIDELITY = (
    *(
        Column(
            f"{group}_grade",
            "text",
            f"worst grade of the columns of {group}: exact, close, approximate or absent",
        )
        for group in GROUPS
    ),
    Column("not_exact", "text", "columns with another grade than exact, as name=grade"),
    Column("stream", "text", "how much of the recording was read: whole, cut or header only"),
)

_COUNTERS = tuple(column for column, _ in COUNTERS)


#: Names, order and types are stable since the first version: new columns are added at the end.
RESULTS = Table(
    name="results",
    meaning="one row a player of a match, with the facts of the match",
    columns=(
        *(*KEY, *_PARSER, *_TITLE, *_LENGTH, *_TEAM, *_PLAYER, *_STATISTICS, _NUMBER, _WARNINGS),
        *(*_OUTCOME, *_SCORE, *_TIME, *_MATCH, *_RANK, *_FIDELITY, *_COUNTERS),
    ),
    facts=player_facts,
)
MATCHES = Table(
    name="matches",
    meaning="one row a match",
    columns=(
        *(*KEY, *_PARSER, *_MATCH, *_TITLE),
        Column("playlist_name", "text", "name of the playlist"),
        Column("match_type", "text", "the game's word for the kind of match"),
        Column("date_has_timezone", "boolean", "whether the replay tells the date's offset"),
        Column("team_size", "integer", "players a team"),
        *_LENGTH,
        *_SCORE,
        Column("blue_goals", "integer", "final score of blue"),
        Column("orange_goals", "integer", "final score of orange"),
        Column("winner", "text", "blue or orange"),
        _FIDELITY[-1],
        _WARNINGS,
    ),
    facts=match_facts,
)
TEAMS = Table(
    name="teams",
    meaning="two rows a match",
    columns=(
        *(*KEY, *_TEAM, *_OUTCOME),
        Column("players", "integer", "players who were in the team"),
        Column("possession_time", "number", "time from a touch to the next, without goals", "s"),
        Column("time_in_side", "number", "time of the ball in the team's half", "s"),
        *(
            Column(f"players_{name}", "integer", f"{name} of its players together")
            for name in ("score", "goals", "assists", "saves", "shots")
        ),
        Column("players_shooting_percentage", "number", "100 * goals / shots", "percent"),
    ),
    facts=team_facts,
)
PLAYERS = Table(
    name="players",
    meaning="one row a player of a match",
    columns=(
        *(*KEY, _TEAM[0], *_PLAYER, _NUMBER, *_OUTCOME, *_TIME, *_RANK, *_STATISTICS),
        *(*_FIDELITY, *_COUNTERS),
    ),
    facts=player_facts,
)
