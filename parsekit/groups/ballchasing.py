"""The sums of ``GET /groups/{id}``: players and teams as Ballchasing's body has them.

What is known of no game is left out. Where Ballchasing is plainly wrong its digits stand in its
fields and the right ones below ``corrected``, which callers ignore; ``known_games`` beside them
says how many games stand behind a group of numbers, where it is not all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsekit.body.reading import GROUPS
from parsekit.groups.game import Game, PlayerIdentification, PlayerKey, identified
from parsekit.groups.members import (
    PlayerTotals,
    Record,
    TeamTotals,
    player_totals,
    team_totals,
)
from parsekit.groups.rosters import TeamIdentification, rosters
from parsekit.groups.rules import NOT_DIVIDED, Total
from parsekit.groups.single import shortest
from parsekit.model import JsonObject

#: Ballchasing's capitals; the first three were seen in a real body.
_PLATFORMS = {"steam": "Steam", "epic": "Epic", "xbox": "XBox", "psynet": "PsyNet"}


def group_sums(
    games: Sequence[Game],
    *,
    player_identification: PlayerIdentification = "by-id",
    team_identification: TeamIdentification | None = TeamIdentification.CLUSTERS,
) -> JsonObject:
    """Make ``players`` and ``teams`` of these games, all of them averaged together.

    ``team_identification`` None: as `parsekit.groups.rosters.rosters` finds it out.
    """
    games = identified(games, player_identification)
    teams = rosters(games, team_identification)
    return {
        "players": [player_sums(each) for each in player_totals(games, teams)],
        "teams": [team_sums(each) for each in team_totals(games, teams)],
    }


def player_sums(player: PlayerTotals) -> JsonObject:
    """One player of the body."""
    found = player.totals
    slides: JsonObject = {}
    if player.powerslide_s is not None:
        slides = {"movement": {"avg_powerslide_duration": shortest(player.powerslide_s)}}
    return {
        **_identity(player.key, player.name, player.team),
        "cumulative": {
            **_record(player.record, player.play_duration_s),
            **_nested({name: total.value for name, total in found.items()}),
        },
        "game_average": _nested({name: total.average for name, total in found.items()}),
        **({"corrected": {"cumulative": slides, "game_average": slides}} if slides else {}),
        **_known_games(player.record, found),
    }


def team_sums(team: TeamTotals) -> JsonObject:
    """One team of the body."""
    found = team.totals
    right = {name: total.average for name, total in found.items()}
    wrong = {name: found[name].value for name in found if name in NOT_DIVIDED}
    boost = {name: total.average for name, total in team.boost_averages.items()}
    distances = {name: total.average for name, total in team.distance_averages.items()}
    zeros = dict.fromkeys(distances, 0.0)
    corrected = _nested({name: right[name] for name in wrong})
    members = zip(team.roster.keys, team.roster.names, strict=True)
    return {
        "name": team.roster.name,
        "players": [_identity(key, name, team.roster.name) for key, name in members],
        "cumulative": {
            **_record(team.record, team.play_duration_s),
            **_nested({name: total.value for name, total in found.items()} | zeros),
        },
        "game_average": _nested({**boost, **right, **wrong, **distances}),
        **({"corrected": {"game_average": corrected}} if corrected else {}),
        **_known_games(team.record, found),
    }


def _identity(key: PlayerKey, name: str, team: str) -> JsonObject:
    platform, account, number = key
    return {
        "platform": _PLATFORMS.get(platform, platform.upper()),
        "id": account,
        **({"player_number": int(number)} if number not in ("", "0") and account else {}),
        "name": name,
        "team": team,
    }


def _record(record: Record, play_s: int | None) -> JsonObject:
    percentage = record.win_percentage
    return {
        "games": record.games,
        "wins": record.wins,
        **({} if percentage is None else {"win_percentage": shortest(percentage)}),
        **({} if play_s is None else {"play_duration": play_s}),
    }


def _nested(values: Mapping[str, float]) -> JsonObject:
    """An object a group, in the body's order."""
    body: JsonObject = {}
    for group in GROUPS:
        prefix = f"{group}."
        members = {
            name.removeprefix(prefix): shortest(value)
            for name, value in values.items()
            if name.startswith(prefix)
        }
        if members:
            body[group] = members
    return body


def _known_games(record: Record, found: Mapping[str, Total]) -> JsonObject:
    """How many games know a group's numbers, for groups that some game does not know."""
    most = {
        group: max(
            (t.games for name, t in found.items() if name.startswith(f"{group}.")), default=0
        )
        for group in GROUPS
    }
    fewer = {group: games for group, games in most.items() if 0 < games < record.games}
    return {"known_games": fewer} if fewer else {}
