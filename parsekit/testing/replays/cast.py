"""The actors that stay for a whole match: the game, its teams, its players and the pads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parsekit.testing.replays.actors import camera, loadouts, reference, spawn, unique_id, update
from parsekit.testing.replays.bits import Bits, Vector, bit, float32, int32, string, uint64
from parsekit.testing.replays.header import match_id, start_unix
from parsekit.testing.replays.match import Match, Player, Side
from parsekit.testing.replays.objects import CAMERA, GAME_EVENT, GAME_INFO, PLAYER, TEAMS, pad
from parsekit.testing.replays.pads import PADS

_NOWHERE = Vector(0, 0, 0)
#: Product numbers of Octane, Dominus, Breakout and Merc.
_BODIES = (23, 403, 22, 30)
#: Casual playlists are numbered by the size of a team, up to chaos.
_CHAOS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Actor numbers; players and cameras in the order of `Match.players`."""

    game: int
    info: int
    teams: tuple[int, int]
    players: tuple[int, ...]
    cameras: tuple[int, ...]
    pads: tuple[int, ...]


def hire(match: Match, numbers: Iterator[int]) -> Cast:
    """Give everybody a number."""
    people = list(match.players())
    return Cast(
        game=next(numbers),
        info=next(numbers),
        teams=(next(numbers), next(numbers)),
        players=tuple(next(numbers) for _ in people),
        cameras=tuple(next(numbers) for _ in people),
        pads=tuple(next(numbers) for _ in PADS),
    )


def introduce(cast: Cast, match: Match) -> Iterator[Bits]:
    """Let everybody appear and say who they are."""
    yield from _game(cast, match)
    for number, (side, player) in enumerate(match.players()):
        yield from _player(cast, number, side, player)
    yield from (spawn(actor, pad(number)) for number, actor in enumerate(cast.pads))


def _game(cast: Cast, match: Match) -> Iterator[Bits]:
    size = max(len(match.blue), len(match.orange))
    yield spawn(cast.game, GAME_EVENT, _NOWHERE)
    event = {"MatchStartEpoch": uint64(start_unix(match)), "MaxTeamSize": int32(size)}
    yield update(cast.game, GAME_EVENT, event)
    yield spawn(cast.info, GAME_INFO, _NOWHERE)
    info = {
        "ServerName": string("SYNTHETIC-1"),
        "MatchGUID": string(match_id(match)),
        "ReplicatedGamePlaylist": int32(min(size, _CHAOS)),
        "ReplicatedServerRegion": string("EU"),
    }
    yield update(cast.info, GAME_INFO, info)
    for actor, archetype in zip(cast.teams, TEAMS, strict=True):
        yield spawn(actor, archetype, _NOWHERE)
        yield update(actor, archetype, {"GameEvent": reference(cast.game)})


def _player(cast: Cast, number: int, side: Side, player: Player) -> Iterator[Bits]:
    actor, eye = cast.players[number], cast.cameras[number]
    identity = {
        "PlayerName": string(player.name),
        "Team": reference(cast.teams[side]),
        "UniqueId": unique_id(player),
        "PlayerID": int32(number + 1),
        "ReplicatedGameEvent": reference(cast.game),
        "PersistentCamera": reference(eye),
        "ClientLoadouts": loadouts(_BODIES[number % len(_BODIES)]),
        "SteeringSensitivity": float32(1.0 + number / 10),
    }
    yield spawn(actor, PLAYER, _NOWHERE)
    yield update(actor, PLAYER, identity | ({"bBot": bit(True)} if player.bot else {}))
    yield spawn(eye, CAMERA, _NOWHERE)
    settings = camera(fov=110, height=100 + 10 * number, angle=-4, distance=270)
    yield update(eye, CAMERA, {"PRI": reference(actor), "ProfileSettings": settings})
