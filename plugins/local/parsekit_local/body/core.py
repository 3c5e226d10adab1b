"""The ``core`` group: the scoreboard of players and teams."""

from __future__ import annotations

from collections.abc import Sequence

from parsekit import JsonObject
from parsekit_local.body.published import published
from parsekit_local.body.roster import Participant


def shooting_percentage(goals: int, shots: int) -> float:
    """100 x goals / shots, 0 without shots; a goal without a shot counts, so it can exceed 100."""
    return 100 * goals / shots if shots else 0.0


def most_valuable(players: Sequence[Participant], winner: int | None) -> Participant | None:
    """Pick the best score of the team that won; nobody without a winner."""
    return next((player for player in players if player.team == winner), None)


def player_core(player: Participant, players: Sequence[Participant], *, is_mvp: bool) -> JsonObject:
    """Write a player's ``core``; what counts against is the whole team's (relation 2)."""
    line = player.score_line
    rivals = [rival.score_line for rival in players if rival.team != player.team]
    return {
        "shots": line.shots,
        "shots_against": sum(rival.shots for rival in rivals),
        "goals": line.goals,
        "goals_against": sum(rival.goals for rival in rivals),
        "saves": line.saves,
        "assists": line.assists,
        "score": line.score,
        "mvp": is_mvp,
        "shooting_percentage": published(shooting_percentage(line.goals, line.shots)),
    }


def team_core(team: int, players: Sequence[Participant]) -> JsonObject:
    """Write a team's ``core``: sums over its players."""
    ours = [player.score_line for player in players if player.team == team]
    rivals = [player.score_line for player in players if player.team != team]
    shots, goals = sum(line.shots for line in ours), sum(line.goals for line in ours)
    return {
        "shots": shots,
        "shots_against": sum(line.shots for line in rivals),
        "goals": goals,
        "goals_against": sum(line.goals for line in rivals),
        "saves": sum(line.saves for line in ours),
        "assists": sum(line.assists for line in ours),
        "score": sum(line.score for line in ours),
        "shooting_percentage": published(shooting_percentage(goals, shots)),
    }
