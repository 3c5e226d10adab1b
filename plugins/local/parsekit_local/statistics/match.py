"""All statistics of one match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parsekit_local.frames import BLUE, ORANGE, Frames, PlayerTrack, RigidBodies
from parsekit_local.statistics.ball import possession, team_ball, track_ball
from parsekit_local.statistics.boost import boost
from parsekit_local.statistics.clock import presence
from parsekit_local.statistics.demo import demo
from parsekit_local.statistics.movement import movement
from parsekit_local.statistics.positioning import ball_distances, positioning
from parsekit_local.statistics.published import Group, single
from parsekit_local.statistics.updates import all_reports, motion


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
    players = {**frames.team(BLUE), **frames.team(ORANGE)}
    return MatchStatistics(
        players={index: _player(frames, ball, index) for index in sorted(players)},
        ball=(team_ball(frames, BLUE), team_ball(frames, ORANGE)),
    )


def _player(frames: Frames, ball: RigidBodies, index: int) -> PlayerStatistics:
    player = frames.players[index]
    there = presence(frames, player)
    return PlayerStatistics(
        start_time=single(there.start_s),
        end_time=single(there.end_s),
        boost=boost(frames, player, there),
        movement=_movement(frames, player),
        positioning=_positioning(frames, player, ball),
        demo=demo(frames, index),
    )


def _movement(frames: Frames, player: PlayerTrack) -> Group:
    lives = [car.bodies for car in player.cars]
    return movement(frames, player, motion(frames, lives), all_reports(lives))


def _positioning(frames: Frames, player: PlayerTrack, ball: RigidBodies) -> Group:
    lives = [car.bodies for car in player.cars]
    reports = all_reports(lives)
    found = dict(positioning(player, motion(frames, lives), ball))
    if len(ball):
        owner = possession(frames)(reports.frame)
        found |= ball_distances(player, reports, ball, owner)
    return found
