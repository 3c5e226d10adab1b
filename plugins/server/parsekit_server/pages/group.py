"""``/group/{id}``: standings, players and series of all below a group, and what it holds itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from parsekit import ModeSummary, PlayerTotals, Record, Series, TeamTotals, summarize
from parsekit_server.catalogue.groups import ReplayCounts
from parsekit_server.catalogue.rows import GroupRow
from parsekit_server.errors import NotFound
from parsekit_server.filters import (
    read_group_filters,
    read_group_page,
    read_replay_filters,
    read_replay_page,
)
from parsekit_server.pages import numbers
from parsekit_server.pages.call import PageCall, PageReply, page
from parsekit_server.pages.replay_line import line_of

#: Replays of a page, and groups in the group: more are found with the API.
_COUNT, _MOST_GROUPS = "50", "200"
#: Players of a mode that have a line: those with the most games.
_MOST_PLAYERS = 100
_OF_TEAM = (
    numbers.GOALS,
    numbers.CONCEDED,
    numbers.SHOTS,
    numbers.SAVES,
    numbers.ASSISTS,
    numbers.DEMOLITIONS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingLine:
    """A team or a player: record, and numbers of an average game. ``account`` is "" for a team."""

    name: str
    account: str
    record: Record
    cells: tuple[str, ...]

    @property
    def wins(self) -> str:
        """Such as ``3–1``."""
        return f"{self.record.wins}–{self.record.losses}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """A series: ``SAN 3-0 DEN``, when it began, and the scores of its games, the winner first."""

    name: str
    date: str
    best_of: int | None
    scores: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeStandings:
    """One mode; ``left_out`` players with fewer games have no line."""

    mode: str
    games: int
    teams: tuple[StandingLine, ...]
    players: tuple[StandingLine, ...]
    left_out: int
    series: tuple[SeriesLine, ...]


def group_page(call: PageCall) -> PageReply:
    """Show a group: sums of what the viewer may open, lists of what the viewer may find."""
    group = call.site.groups.find(call.names["id"])
    parents = list(_parent(call, group))
    known = _shown_groups(call, [group, *parents])
    if group.id not in known:
        raise NotFound("group not found")
    children = _children(call, group)
    members = call.site.groups.members(group, call.viewer)
    summary = summarize(
        call.site.group_games.games(members),
        player_identification=group.player_identification.value,
        team_identification=group.team_identification,
    )
    query = {"count": [_COUNT], **call.query, "group": [group.id]}
    found = call.site.listing.page(read_replay_filters(query), read_replay_page(query), call.viewer)
    after = None
    if found.after is not None:
        following = urlencode({**call.query, "after": found.after.to_text()}, doseq=True)
        after = f"/group/{group.id}?{following}"
    modes = tuple(_mode(each) for each in summary.modes)
    return page(
        call,
        "group.html",
        group=group,
        parent=next((each for each in parents if each.id in known), None),
        children=children,
        modes=modes,
        left_out=len(summary.left_out),
        pending=sum(each.status == "pending" for each in members),
        failed=sum(each.status == "failed" for each in members),
        lines=[line_of(each) for each in found.replays],
        after=after,
        may_upload=group.creator.id == call.viewer.account_id or call.viewer.sees_all,
        of_team=_OF_TEAM,
        of_player=numbers.OF_PLAYER,
        description=_description(modes, known[group.id]),
    )


def _parent(call: PageCall, group: GroupRow) -> Iterator[GroupRow]:
    if group.parent_id is not None:
        yield call.site.groups.find(group.parent_id)


def _children(call: PageCall, group: GroupRow) -> list[tuple[GroupRow, int]]:
    """The groups in a group, by name, with the number of replays in each and below it."""
    query = {"group": [group.id], "count": [_MOST_GROUPS], "sort-by": ["name"]}
    query["sort-dir"] = ["asc"]
    found = call.site.group_listing.page(
        read_group_filters(query), read_group_page(query), call.viewer
    )
    known = _shown_groups(call, found.groups)
    return [
        (each, known[each.id].direct + known[each.id].indirect)
        for each in found.groups
        if each.id in known
    ]


def _shown_groups(call: PageCall, groups: Iterable[GroupRow]) -> dict[str, ReplayCounts]:
    """Those whose names the viewer is shown, with their replays.

    A stranger, who has no token for the API either, is shown those that are shared, or have a
    replay that the stranger may open.
    """
    every = list(groups)
    counts = call.site.groups.counts(every, call.viewer)
    stranger = call.viewer.account_id is None
    return {
        each.id: counts[each.id]
        for each in every
        if not stranger or each.open_to_all or counts[each.id].direct or counts[each.id].indirect
    }


def _mode(summary: ModeSummary) -> ModeStandings:
    ranked = sorted(
        summary.players, key=lambda each: (-each.record.games, each.name.casefold(), each.key)
    )
    shown = sorted(ranked[:_MOST_PLAYERS], key=lambda each: (-each.record.wins, each.record.games))
    return ModeStandings(
        mode=summary.mode or "Mode unknown",
        games=len(summary.games),
        teams=tuple(map(_team_line, summary.teams)),
        players=tuple(map(_player_line, shown)),
        left_out=len(ranked) - len(shown),
        series=tuple(map(_series_line, summary.series)),
    )


def _team_line(team: TeamTotals) -> StandingLine:
    return StandingLine(
        name=team.roster.label,
        account="",
        record=team.record,
        cells=tuple(each.average(team.totals) for each in _OF_TEAM),
    )


def _player_line(player: PlayerTotals) -> StandingLine:
    platform, number, _ = player.key
    return StandingLine(
        name=player.name,
        account=f"{platform}:{number}" if number else "",
        record=player.record,
        cells=tuple(each.average(player.totals) for each in numbers.OF_PLAYER),
    )


def _series_line(series: Series) -> SeriesLine:
    first = series.games[0]
    keys = set(series.teams[0].keys)
    scores = []
    for game in series.games:
        sides = game.sides
        if keys.isdisjoint(player.key for player in game.blue.players):
            sides = game.orange, game.blue
        scores.append(
            "–".join(numbers.UNKNOWN if s.goals is None else f"{s.goals:g}" for s in sides)
        )
    return SeriesLine(
        name=series.name,
        date="" if first.date is None else f"{first.date:%Y-%m-%d %H:%M}",
        best_of=series.best_of,
        scores=tuple(scores),
    )


def _description(modes: tuple[ModeStandings, ...], counts: ReplayCounts) -> str:
    total = counts.direct + counts.indirect
    parts = [f"{total} replay{'' if total == 1 else 's'}"]
    for mode in modes[:1]:
        leaders = ", ".join(f"{line.name} {line.wins}" for line in mode.teams[:3])
        parts.append(f"{mode.mode}: {leaders}")
    return " · ".join(parts)
