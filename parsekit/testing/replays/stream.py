"""Encode the frames of a recording: who appears, moves, scores and disappears in each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count

from parsekit.testing.replays.actors import boost, no_pickup, pickup, update
from parsekit.testing.replays.bits import Bits, bit, byte, float32, int32, to_bytes
from parsekit.testing.replays.body import NAMES
from parsekit.testing.replays.cast import hire, introduce
from parsekit.testing.replays.clock import COUNTDOWN_S, FIRST_FRAME_S, Cue, Recording
from parsekit.testing.replays.match import REGULAR_S, Goal
from parsekit.testing.replays.objects import BALL, BOOST, CAR, GAME_EVENT, PLAYER, TEAMS, pad
from parsekit.testing.replays.play import Events, Play, Shot
from parsekit.testing.replays.vehicles import Vehicles, build, enter, leave, move

#: Decoders look ahead; real streams end in padding too.
_PADDING = bytes(16)
#: Seconds before a goal in which the ball flies there.
_SHOT_S = 1.5


def encode_stream(recording: Recording) -> bytes:
    """Encode every frame of the recording."""
    return to_bytes(_frames(recording)) + _PADDING


def _frames(recording: Recording) -> Iterator[Bits]:
    show = _Show(recording)
    for number in range(recording.frames):
        yield float32(FIRST_FRAME_S + number * recording.step_s)
        yield float32(recording.step_s)
        yield from show.frame(number)
        yield bit(False)


class _Show:
    """The match as it goes on; each frame has what is new in it."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._match = recording.match
        self._cues = recording.cues()
        self._numbers = count()
        self._cast = hire(self._match, self._numbers)
        self._vehicles: Vehicles | None = None
        self._play = Play(self._match)
        self._sent: dict[tuple[int, str], int] = {}

    def frame(self, number: int) -> Iterator[Bits]:
        """Encode what is new in this frame; to be called for each frame once, in order."""
        if number == 0:
            yield from introduce(self._cast, self._match)
        for cue in self._cues:
            if cue.kickoff == number:
                yield from self._kickoff()
            if cue.end == number and cue.phase.goal:
                yield from self._goal(cue.phase.goal)
        cue = [cue for cue in self._cues if cue.kickoff <= number][-1]
        yield from self._game(cue, number)
        yield from self._step(cue, number)
        if number == self._recording.frames - 1:
            yield from self._result()

    def _kickoff(self) -> Iterator[Bits]:
        if self._vehicles:
            yield from leave(self._vehicles)
        self._play.kickoff()
        self._vehicles = build(len(self._play.cars), self._numbers)
        yield from enter(self._vehicles, self._cast, self._play)
        yield from self._cars(self._vehicles)

    def _goal(self, goal: Goal) -> Iterator[Bits]:
        conceding = 1 - goal.side
        yield update(self._cast.game, GAME_EVENT, {"ReplicatedScoredOnTeam": byte(conceding)})
        yield self._one_more(self._cast.teams[goal.side], TEAMS[goal.side], "Score")
        names = [player.name for _, player in self._match.players()]
        scorer = self._cast.players[names.index(goal.scorer)]
        yield self._one_more(scorer, PLAYER, "MatchGoals")

    def _game(self, cue: Cue, number: int) -> Iterator[Bits]:
        phase, now_s = cue.phase, number * self._recording.step_s
        clock_s = phase.clock_s + max(0.0, min(now_s, phase.end_s) - phase.play_s)
        overtime = phase.clock_s >= REGULAR_S
        left_s = int(clock_s - REGULAR_S) if overtime else math.ceil(REGULAR_S - clock_s)
        wait_s = int(COUNTDOWN_S) if number < cue.play else 0
        game = self._cast.game
        yield from self._news(game, GAME_EVENT, "bOverTime", overtime, bit)
        yield from self._news(game, GAME_EVENT, "ReplicatedStateName", _state(cue, number), int32)
        yield from self._news(game, GAME_EVENT, "ReplicatedGameStateTimeRemaining", wait_s, int32)
        yield from self._news(game, GAME_EVENT, "SecondsRemaining", left_s, int32)

    def _step(self, cue: Cue, number: int) -> Iterator[Bits]:
        if self._vehicles is None or not cue.play < number <= cue.end:
            self._play.wait(self._recording.step_s)
            return
        in_s = cue.phase.end_s - number * self._recording.step_s
        goal = cue.phase.goal
        shot = Shot(goal.side, max(0.0, in_s)) if goal and in_s < _SHOT_S else None
        events = self._play.move(self._recording.step_s, shot)
        yield from move(self._vehicles, self._play)
        yield from self._cars(self._vehicles)
        yield from self._happened(events, self._vehicles)

    def _cars(self, vehicles: Vehicles) -> Iterator[Bits]:
        for vehicle, car in zip(vehicles.all, self._play.cars, strict=True):
            yield from self._news(vehicle.boost, BOOST, "ReplicatedBoost", int(car.boost), boost)
            yield from self._news(vehicle.boost, BOOST, "ReplicatedActive", car.boosting, byte)
            yield from self._news(vehicle.car, CAR, "bReplicatedHandbrake", car.sliding, bit)

    def _happened(self, events: Events, vehicles: Vehicles) -> Iterator[Bits]:
        for side in events.touches:
            yield from self._news(vehicles.ball, BALL, "HitTeamNum", side, byte)
        for number in events.free:
            news = {"NewReplicatedPickupData": no_pickup()}
            yield update(self._cast.pads[number], pad(number), news)
        for car, number in events.taken:
            news = {"NewReplicatedPickupData": pickup(vehicles.all[car].car)}
            yield update(self._cast.pads[number], pad(number), news)

    def _result(self) -> Iterator[Bits]:
        for actor, (_, player) in zip(self._cast.players, self._match.players(), strict=True):
            line = {
                "MatchScore": int32(player.score),
                "MatchAssists": int32(player.assists),
                "MatchSaves": int32(player.saves),
                "MatchShots": int32(player.shots),
            }
            yield update(actor, PLAYER, line)

    def _one_more(self, actor: int, archetype: str, name: str) -> Bits:
        number = self._sent[actor, name] = self._sent.get((actor, name), 0) + 1
        return update(actor, archetype, {name: int32(number)})

    def _news(
        self, actor: int, archetype: str, name: str, value: int, encode: Callable[[int], Bits]
    ) -> Iterator[Bits]:
        """Encode a value if it is another than the one sent last."""
        if self._sent.get((actor, name)) != value:
            self._sent[actor, name] = value
            yield update(actor, archetype, {name: encode(value)})


def _state(cue: Cue, number: int) -> int:
    if number < cue.play:
        return NAMES.index("Countdown")
    if number < cue.end:
        return NAMES.index("Active")
    return NAMES.index("PostGoalScored" if cue.phase.goal else "Finished")
