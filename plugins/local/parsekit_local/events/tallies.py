"""What the game counted for a player, when it did: shots, saves, and assists of goals."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit import MatchEvent
from parsekit_local.events.moments import Moments
from parsekit_local.statistics.updates import speed

#: The kind of event that a rise of one of the game's counts is.
_KINDS = {"MatchShots": "shot", "MatchSaves": "save"}
#: A goal after a shot of its scorer belongs to it, seconds.
_SHOT_TO_GOAL_S = 4.0
#: The game counts an assist up to 21 frames after the goal (18 of 18 in real files); the next goal
#: is seconds away.
_ASSIST_FRAMES = 60


def tallied_events(moments: Moments) -> Iterator[MatchEvent]:
    """Write the shots and saves of the recording."""
    after = speed(moments.ball)
    for frame, player, name, by in _rises(moments):
        kind = _KINDS.get(name)
        if kind is None:
            continue
        row = moments.ball_report(frame)
        values: dict[str, bool | float] = {}
        if row is not None:
            values["ball_speed"] = round(float(after[row]))
        if kind == "shot":
            values["scored"] = _scored(moments, frame, player)
        event = moments.event(
            kind,
            frame,
            team=moments.players[player].team,
            player=player,
            position=None if row is None else moments.ball.position[row],
            confidence="exact",
            values=values,
        )
        yield from [event] * by


def assist_of(moments: Moments, frame: int, team: int | None) -> int | None:
    """Whom the game credited with the assist for a team's goal in a frame."""
    credited = (
        player
        for at, player, name, _ in _rises(moments)
        if name == "MatchAssists"
        and frame <= at <= frame + _ASSIST_FRAMES
        and moments.players[player].team == team
    )
    return next(credited, None)


def _scored(moments: Moments, frame: int, player: int) -> bool:
    """Whether the player's next count is a goal, soon."""
    begin_s = moments.seconds(frame)
    following = (
        (name, moments.seconds(at) - begin_s)
        for at, who, name, _ in _rises(moments)
        if who == player and name in ("MatchGoals", "MatchShots") and at > frame
    )
    name, after_s = next(following, ("", 0.0))
    same = any(
        at == frame and who == player and name_ == "MatchGoals"
        for at, who, name_, _ in _rises(moments)
    )
    return same or (name == "MatchGoals" and after_s <= _SHOT_TO_GOAL_S)


def _rises(moments: Moments) -> Iterator[tuple[int, int, str, int]]:
    """Frame, player's place in the body, name and amount of each rise."""
    table = moments.frames.tallied
    for frame, index, name, by in zip(
        table.frame.tolist(), table.player.tolist(), table.name, table.by.tolist(), strict=True
    ):
        player = moments.place_of.get(index)
        if player is not None:
            yield frame, player, name, by
