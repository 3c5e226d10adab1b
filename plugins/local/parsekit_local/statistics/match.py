"""All statistics of one match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parsekit_local.statistics.ball import possession, team_ball, track_ball
from parsekit_local.statistics.boost import boost
from parsekit_local.statistics.clock import presence
from parsekit_local.statistics.demo import demo
from parsekit_local.statistics.movement import movement
from parsekit_local.statistics.positioning import ball_distances, positioning
from parsekit_local.statistics.published import Group, single
from parsekit_local.statistics.roles import roles
from parsekit_local.statistics.updates import all_reports, motion
from parsekit_local.stream.frames import BLUE, ORANGE, Frames, RigidBodies


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerStatistics:
    """What the network stream gives of one player, with Ballchasing's field names.

    Times are seconds; ``start_time`` and ``end_time`` of the player's presence on the field.
    """

    start_time: float
    end_time: float
    boost: Group
    movement: Group
    positioning: Group
    demo: Group

    def groups(self) -> Mapping[str, Group]:
        """Name the groups as the body does."""
        return {
            "boost": self.boost,
            "movement": self.movement,
            "positioning": self.positioning,
            "demo": self.demo,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchStatistics:
    """Statistics of all players who were in a team and had a car, and of the ball.

    ``players`` is keyed by the index into `Frames.players`; ``ball`` has the group of blue and
    of orange.
    """

    players: Mapping[int, PlayerStatistics]
    ball: tuple[Group, Group]


def compute(frames: Frames) -> MatchStatistics:
    """Compute everything that the columns of a replay can give."""
    ball = track_ball(frames)
    players = {
        index: _player(frames, ball, index, compared)
        for team in (BLUE, ORANGE)
        for index, compared in _with_roles(frames, ball, team)
    }
    return MatchStatistics(
        players=dict(sorted(players.items())),
        ball=(team_ball(frames, BLUE), team_ball(frames, ORANGE)),
    )


def _with_roles(frames: Frames, ball: RigidBodies, team: int) -> list[tuple[int, Group]]:
    players = frames.team(team)
    compared = roles(frames, players, ball, team)
    return [(index, compared.get(index, {})) for index in players]


def _player(frames: Frames, ball: RigidBodies, index: int, compared: Group) -> PlayerStatistics:
    player = frames.players[index]
    there = presence(frames, player)
    lives = [car.bodies for car in player.cars]
    reports, moves = all_reports(lives), motion(frames, lives)
    found = {**positioning(player, moves, ball), **compared}
    if len(ball):
        found |= ball_distances(player, reports, ball, possession(frames)(reports.frame))
    return PlayerStatistics(
        start_time=single(there.start_s),
        end_time=single(there.end_s),
        boost=boost(frames, player, there),
        movement=movement(frames, player, moves, reports),
        positioning=found,
        demo=demo(frames, index),
    )
