"""The games of a group's replays, and their sums.

To read 200 bodies and to sum them up takes a second, so both are kept in memory: a game by replay
and edition of its body, sums by all that they were made of. A group to which a replay was added
reads one body.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsekit import Game, JsonObject, game_of, group_sums
from parsekit_server.catalogue.compressed import packed, unpacked
from parsekit_server.catalogue.groups import GroupMember
from parsekit_server.catalogue.replays import Replays
from parsekit_server.catalogue.rows import GroupRow
from parsekit_server.memory.recently_used import RecentlyUsed

#: Games that are kept, some 10 kB each.
_MOST_GAMES = 4000
#: Sums that are kept, some 10 kB each.
_MOST_SUMS = 1000


class GroupGames:
    """Makes games and sums, and keeps them."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays
        self._games: RecentlyUsed[tuple[str, int], Game] = RecentlyUsed(_MOST_GAMES)
        self._sums: RecentlyUsed[tuple[object, ...], bytes] = RecentlyUsed(_MOST_SUMS)

    def games(self, members: Sequence[GroupMember]) -> list[Game]:
        """The games of these that were parsed, in their order, each named by its replay's id."""
        parsed = [each for each in members if each.status == "ok"]
        games = {each.id: self._games.get((each.id, each.edition)) for each in parsed}
        missing = [replay_id for replay_id, game in games.items() if game is None]
        for replay_id, edition, data in self._replays.bodies(missing):
            game = games[replay_id] = game_of(data, replay=replay_id)
            self._games.put((replay_id, edition), game)
        return [game for game in games.values() if game is not None]

    def sums(self, group: GroupRow, members: Sequence[GroupMember]) -> JsonObject:
        """``players`` and ``teams`` of these members, as Ballchasing sums them up."""
        how = group.player_identification, group.team_identification
        key = (*how, *((each.id, each.edition) for each in members if each.status == "ok"))
        kept = self._sums.get(key)
        if kept is not None:
            return unpacked(kept)
        sums = group_sums(
            self.games(members),
            player_identification=group.player_identification.value,
            team_identification=group.team_identification,
        )
        self._sums.put(key, packed(sums))
        return sums
