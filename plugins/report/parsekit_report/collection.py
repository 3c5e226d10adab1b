"""Several matches on one page: a series, a player's last ones, a season.

Up to `MOST_WHOLE` matches have all of their pictures; of more, each has its goals and scoreboard,
and no positions are kept, so that a season takes a few kilobytes a match.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from parsekit import Outcome, SeasonSummary, Series, summarize
from parsekit_report.goals import GoalCard, goals_of
from parsekit_report.overview import CORE, LEAST_OTHERS, TRENDS, Usual, medians
from parsekit_report.sheet import MatchSheet, Numbers, PlayerKey, PlayerSheet, TeamSheet, sheet_of

#: What the scoreboard and the trends of many matches show.
_SHOWN = frozenset((group, name) for group, name, *_ in (*CORE, *TRENDS))
#: The longest series that leagues play is a best of seven; two more leave room for a rematch.
MOST_WHOLE = 9
#: Matches whose date nobody knows come first.
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMatch:
    """One match of many. ``sheet`` has no timeline where there are too many of them."""

    sheet: MatchSheet
    goals: tuple[GoalCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Matches in the order in which they were played. ``player`` is whose page it is, if any's."""

    entries: tuple[ListedMatch, ...]
    player: PlayerKey | None

    @property
    def is_whole(self) -> bool:
        """Whether each match has all of its pictures."""
        return len(self.entries) <= MOST_WHOLE

    def summary(self) -> SeasonSummary:
        """Sums by mode, as in a group of Ballchasing's."""
        return summarize(entry.sheet.game for entry in self.entries)

    def player_name(self) -> str | None:
        """The name that the page's player has in the newest match."""
        for entry in reversed(self.entries):
            player = self.own(entry)
            if player is not None:
                return player.name
        return None

    def own(self, entry: ListedMatch) -> PlayerSheet | None:
        """The page's player in a match."""
        found = (each for each in entry.sheet.players if each.key == self.player)
        return next(found, None)

    def with_medians(self) -> Iterator[tuple[ListedMatch, Mapping[PlayerKey, Usual]]]:
        """Each match with what is usual for everybody in it, over the others of the same mode."""
        matches = by_player(self.entries)
        for entry in self.entries:
            found: dict[PlayerKey, Usual] = {}
            for player in entry.sheet.players:
                others = [
                    own.number
                    for other, own in matches[player.key]
                    if other is not entry and other.sheet.game.mode == entry.sheet.game.mode
                ]
                if len(others) >= LEAST_OTHERS:
                    found[player.key] = medians(others)
            yield entry, found


class Collector:
    """Keeps of each outcome what its page needs; of those with the player, the newest ``last``.

    ``player`` is a name, in any case of letters, or ``platform:id``.
    """

    def __init__(self, *, player: str | None = None, last: int | None = None) -> None:
        self._player, self._last = player, last
        self._entries: list[ListedMatch] = []

    def add(self, outcome: Outcome) -> None:
        """Take one more match that was parsed."""
        entry = ListedMatch(sheet=sheet_of(outcome), goals=goals_of(outcome.timeline))
        if self._player is not None and not _keys(entry, self._player):
            return
        insort(self._entries, entry, key=_when)
        if self._last is not None:
            del self._entries[: -self._last]
        if len(self._entries) > MOST_WHOLE:
            self._entries = [_without_positions(each) for each in self._entries]

    def collection(self) -> Collection:
        """All matches so far."""
        return Collection(
            entries=tuple(self._entries), player=_newest_key(self._entries, self._player)
        )


def collect(outcomes: Iterable[Outcome], *, player: str | None, last: int | None) -> Collection:
    """Take all of these outcomes."""
    collector = Collector(player=player, last=last)
    for outcome in outcomes:
        collector.add(outcome)
    return collector.collection()


def _when(entry: ListedMatch) -> tuple[datetime, str]:
    return entry.sheet.game.date or _UNDATED, entry.sheet.replay


def _without_positions(entry: ListedMatch) -> ListedMatch:
    if entry.sheet.timeline is None:
        return entry
    goals = tuple(replace(goal, trails=(), ball_path="") for goal in entry.goals)
    teams = (_brief(entry.sheet.teams[0]), _brief(entry.sheet.teams[1]))
    return replace(entry, sheet=replace(entry.sheet, timeline=None, teams=teams), goals=goals)


def _brief(team: TeamSheet) -> TeamSheet:
    """The side with the numbers that a scoreboard and trends show; sums have all in the game."""
    players = tuple(replace(each, stats=_shown_of(each.stats)) for each in team.players)
    return replace(team, players=players, stats={})


def _shown_of(stats: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    found: dict[str, dict[str, float]] = {}
    for group, name in _SHOWN:
        if name in stats.get(group, {}):
            found.setdefault(group, {})[name] = stats[group][name]
    return found


def _keys(entry: ListedMatch, wanted: str) -> list[PlayerKey]:
    """The players of a match that are meant by a name or an account."""
    return [
        player.key
        for player in entry.sheet.players
        if player.name.casefold() == wanted.casefold() or ":".join(player.key[:2]) == wanted
    ]


def _newest_key(entries: Sequence[ListedMatch], player: str | None) -> PlayerKey | None:
    if player is None:
        return None
    return next((key for entry in reversed(entries) for key in _keys(entry, player)), None)


def only_series(summary: SeasonSummary) -> Series | None:
    """The series that all matches are of; None where they are anything else."""
    if len(summary.modes) != 1 or summary.left_out:
        return None
    [mode] = summary.modes
    if len(mode.series) == 1 and len(mode.series[0].games) == len(mode.games):
        return mode.series[0]
    return None


def by_player(
    entries: Iterable[ListedMatch],
) -> Mapping[PlayerKey, list[tuple[ListedMatch, PlayerSheet]]]:
    """The matches of each player, in order."""
    found: defaultdict[PlayerKey, list[tuple[ListedMatch, PlayerSheet]]] = defaultdict(list)
    for entry in entries:
        for player in entry.sheet.players:
            found[player.key].append((entry, player))
    return found
