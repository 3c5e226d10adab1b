"""Who belongs together: the teams of a group of games."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from parsekit.groups.game import Game, PlayerKey, Side


class TeamIdentification(StrEnum):
    """Ballchasing's two ways to tell teams."""

    CLUSTERS = "by-player-clusters"
    DISTINCT = "by-distinct-players"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A team: its players in the order in which they were seen.

    ``club`` is the name that the game stated most often. ``exact`` says that only these players
    together are this team; else any of them are.
    """

    club: str | None
    keys: tuple[PlayerKey, ...]
    names: tuple[str, ...]
    exact: bool

    @property
    def name(self) -> str:
        """The players' names, as Ballchasing names a team."""
        return " & ".join(self.names)

    @property
    def label(self) -> str:
        """The club, else the players."""
        return self.club or self.name

    def fields(self, side: Side) -> bool:
        """Whether this side is the team's."""
        keys = human_keys(side)
        return keys == frozenset(self.keys) if self.exact else not keys.isdisjoint(self.keys)


def human_keys(side: Side) -> frozenset[PlayerKey]:
    """The accounts of a side."""
    return frozenset(player.key for player in side.players if not player.is_bot)


def rosters(games: Sequence[Game], how: TeamIdentification | None = None) -> tuple[Roster, ...]:
    """Find the teams of these games.

    ``how`` None takes clusters, and exact rosters where a cluster would have played itself, as
    after evenings with changing partners.
    """
    if how is None:
        clusters = _rosters(games, exact=False)
        if not any(_plays_itself(game, clusters) for game in games):
            return clusters
    return _rosters(games, exact=how is not TeamIdentification.CLUSTERS)


def _plays_itself(game: Game, teams: Sequence[Roster]) -> bool:
    return any(team.fields(game.blue) and team.fields(game.orange) for team in teams)


def _rosters(games: Sequence[Game], *, exact: bool) -> tuple[Roster, ...]:
    sides = [side for game in games for side in game.sides if human_keys(side)]
    sets = dict.fromkeys(map(human_keys, sides)) if exact else _clusters(sides)

    def is_of(side: Side, keys: frozenset[PlayerKey]) -> bool:
        return human_keys(side) == keys if exact else not human_keys(side).isdisjoint(keys)

    return tuple(
        roster_of([side for side in sides if is_of(side, keys)], exact=exact) for keys in sets
    )


def _clusters(sides: Sequence[Side]) -> list[frozenset[PlayerKey]]:
    """Join all who ever played together, directly or through others."""
    clusters: list[frozenset[PlayerKey]] = []
    for side in sides:
        keys = human_keys(side)
        touching = [cluster for cluster in clusters if cluster & keys]
        clusters = [cluster for cluster in clusters if cluster not in touching]
        clusters.append(keys.union(*touching))
    return clusters


def roster_of(sides: Sequence[Side], *, exact: bool = False) -> Roster:
    """The team of these sides: everybody who played for it."""
    humans = (player for side in sides for player in side.players if not player.is_bot)
    names = {player.key: player.name for player in humans}
    return Roster(club=_club(sides), keys=tuple(names), names=tuple(names.values()), exact=exact)


def _club(sides: Sequence[Side]) -> str | None:
    stated = Counter(side.club for side in sides if side.club)
    return stated.most_common(1)[0][0] if stated else None
