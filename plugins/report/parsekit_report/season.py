"""The page of several matches as its template draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from parsekit import ModeSummary, PlayerTotals, Total
from parsekit_report.collection import Collection, ListedMatch, by_player, only_series
from parsekit_report.overview import CORE, TRENDS, shown_date
from parsekit_report.sheet import PlayerKey, PlayerSheet
from parsekit_report.tables import (
    STATISTICS,
    TABLES,
    StatCell,
    StatColumn,
    Statistic,
    StatRow,
    StatTable,
    cell_of,
    number_shown,
    shown,
    spread,
)

#: So many players have lines in the tables of a mode: those with the most games.
MOST_PLAYERS = 40
#: So many players have trends, from so many matches on.
MOST_TRENDS, LEAST_MATCHES = 6, 3
#: Numbers without a unit that are in the hundreds.
_LARGE = frozenset(
    each.name for group, _, every in TABLES for each in every if group == "boost"
) | {"score"}
#: A trend's picture in units: width and height.
TREND_WIDTH, TREND_HEIGHT = 200, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchLine:
    """A line of the list of matches. ``won`` is the page's player's, None for nobody's page."""

    anchor: str
    date: str
    mode: str
    blue: str
    orange: str
    score: tuple[str, str]
    winner: int | None
    overtime: bool
    won: bool | None
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One statistic over a player's matches; ``median`` as text and as a height.

    ``won``, ``lost`` and ``unsure`` are paths of dots, a match each.
    """

    label: str
    path: str
    matches: int
    won: str
    lost: str
    unsure: str
    middle: float
    median: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerTrends:
    """A player's trends, and the numbers behind them: a line a match."""

    name: str
    trends: tuple[Trend, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeView:
    """The sums of one mode. ``left_out`` players with fewer games have no line."""

    mode: str
    games: int
    tables: tuple[StatTable, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonView:
    """The whole page but the matches themselves."""

    title: str
    facts: tuple[str, ...]
    own_columns: tuple[str, ...]
    lines: tuple[MatchLine, ...]
    series: tuple[str, ...]
    modes: tuple[ModeView, ...]
    trends: tuple[PlayerTrends, ...]
    left_out: tuple[tuple[str, str], ...]


def season_of(collection: Collection) -> SeasonView:
    """Write it."""
    summary = collection.summary()
    series = only_series(summary)
    return SeasonView(
        title=title_of(collection, series.name if series else None),
        facts=tuple(_facts(collection)),
        own_columns=tuple(label for _, _, label, _ in CORE) if collection.player else (),
        lines=tuple(
            _line(collection, index, entry) for index, entry in enumerate(collection.entries, 1)
        ),
        series=tuple(each.name for mode in summary.modes for each in mode.series),
        modes=tuple(_mode(each, collection.player) for each in summary.modes),
        trends=tuple(_trends(collection)),
        left_out=tuple((each.replay, each.reason) for each in summary.left_out),
    )


def title_of(collection: Collection, series: str | None) -> str:
    """What the page is of, in a few words."""
    count = len(collection.entries)
    name = collection.player_name()
    if name:
        return f"{name}: {count} matches"
    return series or f"{count} matches"


def _facts(collection: Collection) -> Iterator[str]:
    dates = sorted({entry.sheet.date[:10] for entry in collection.entries if entry.sheet.date})
    if dates:
        first, last = (
            shown_date(each, has_timezone=True).partition(",")[0] for each in (dates[0], dates[-1])
        )
        yield first if first == last else f"{first} to {last}"
    modes = Counter(entry.sheet.game.mode or "mode unknown" for entry in collection.entries)
    yield ", ".join(f"{count} × {mode}" for mode, count in modes.most_common())
    if collection.player:
        results = [_won(entry, collection.own(entry)) for entry in collection.entries]
        yield f"{results.count(True)} won, {results.count(False)} lost"


def _won(entry: ListedMatch, player: PlayerSheet | None) -> bool | None:
    winner = entry.sheet.winner
    return None if player is None or winner is None else winner == player.team


def _line(collection: Collection, index: int, entry: ListedMatch) -> MatchLine:
    sheet, own = entry.sheet, collection.own(entry)
    names = [", ".join(player.name for player in team.players) or "–" for team in sheet.teams]
    return MatchLine(
        anchor=f"m{index}",
        date=(sheet.date or "–")[:16].replace("T", " "),
        mode=sheet.mode or sheet.game.mode or "–",
        blue=names[0],
        orange=names[1],
        score=(sheet.teams[0].score, sheet.teams[1].score),
        winner=sheet.winner,
        overtime=sheet.overtime,
        won=_won(entry, own),
        own=tuple(number_shown(own, group, name) for group, name, *_ in CORE) if own else (),
    )


def _mode(summary: ModeSummary, first: PlayerKey | None) -> ModeView:
    ranked = sorted(
        summary.players,
        key=lambda each: (each.key != first, -each.record.games, each.name.casefold(), each.key),
    )
    players = ranked[:MOST_PLAYERS]
    return ModeView(
        mode=summary.mode or "Mode unknown",
        games=len(summary.games),
        tables=tuple(_tables(players)),
        left_out=len(ranked) - len(players),
    )


def _tables(players: Sequence[PlayerTotals]) -> Iterator[StatTable]:
    for group, title, statistics in TABLES:
        known = [
            each for each in statistics if any(_total(player, group, each) for player in players)
        ]
        if not known:
            continue
        columns = [StatColumn(each.label, each.unit, "", "") for each in known]
        rows = _rows(players, group, known)
        if group == "core":
            columns = [_plain("Games"), _plain("Won"), *columns]
        yield StatTable(title, tuple(columns), tuple(rows), ())


def _plain(label: str) -> StatColumn:
    return StatColumn(label, "", "", "")


def _total(player: PlayerTotals, group: str, statistic: Statistic) -> Total | None:
    return player.totals.get(f"{group}.{statistic.name}")


def _rows(
    players: Sequence[PlayerTotals], group: str, statistics: Sequence[Statistic]
) -> Iterator[StatRow]:
    averages = [[_average(player, group, each) for each in statistics] for player in players]
    spreads = [spread(column) for column in zip(*averages, strict=True)]
    for player, values in zip(players, averages, strict=True):
        cells = [
            cell_of(value, _averaged(statistic), each)
            for value, statistic, each in zip(values, statistics, spreads, strict=True)
        ]
        if group == "core":
            record = player.record
            cells = [
                StatCell(str(record.games), str(record.games), ""),
                StatCell(str(record.wins), str(record.wins), ""),
                *cells,
            ]
        yield StatRow(player.name, None, tuple(cells))


def _average(player: PlayerTotals, group: str, statistic: Statistic) -> float | None:
    if statistic.name == "avg_powerslide_duration":
        return player.powerslide_s
    total = _total(player, group, statistic)
    return None if total is None else total.average


def _averaged(statistic: Statistic) -> Statistic:
    """Averages of small counts have two digits more, of all else one at least."""
    counts = statistic.unit == "" and statistic.name not in _LARGE
    return replace(statistic, digits=max(statistic.digits, 2 if counts else 1))


def _trends(collection: Collection) -> Iterator[PlayerTrends]:
    found = by_player(collection.entries)
    if collection.player:
        chosen = [collection.player]
    else:
        ranked = sorted(
            found.items(), key=lambda each: (-len(each[1]), each[1][0][1].name, each[0])
        )
        chosen = [key for key, _ in ranked[:MOST_TRENDS]]
    for key in chosen:
        matches = found.get(key, [])
        if len(matches) >= LEAST_MATCHES:
            yield _player_trends(matches)


def _player_trends(matches: Sequence[tuple[ListedMatch, PlayerSheet]]) -> PlayerTrends:
    trends = [trend for key in TRENDS if (trend := _trend(matches, *key))]
    return PlayerTrends(
        name=matches[-1][1].name,
        trends=tuple(trends),
        columns=tuple(STATISTICS[key].label for key in TRENDS),
        rows=tuple(
            ((entry.sheet.date or "–")[:10], *(number_shown(player, *key) for key in TRENDS))
            for entry, player in matches
        ),
    )


def _trend(
    matches: Sequence[tuple[ListedMatch, PlayerSheet]], group: str, name: str
) -> Trend | None:
    statistic = STATISTICS[group, name]
    known = [
        (entry, player, value)
        for entry, player in matches
        if (value := player.number(group, name)) is not None
    ]
    if len(known) < LEAST_MATCHES:
        return None
    values = [value for _, _, value in known]
    low, middle, high = min(values), median(values), max(values)
    reach = (high - low) or 1.0

    def height(value: float) -> float:
        return round(TREND_HEIGHT - 6 - (TREND_HEIGHT - 12) * (value - low) / reach, 1)

    step = (TREND_WIDTH - 12) / (len(known) - 1)
    points = [
        (f"{6 + index * step:.1f} {height(value):g}", _won(entry, player))
        for index, (entry, player, value) in enumerate(known)
    ]

    def dots(won: bool | None) -> str:
        """Lines of no length, which round ends make dots of."""
        return "".join(f"M{place}h0" for place, end in points if end is won)

    unit = f" {statistic.unit}" if statistic.unit else ""
    return Trend(
        label=f"{statistic.label}{unit}",
        path="M" + "L".join(place for place, _ in points),
        matches=len(points),
        won=dots(True),
        lost=dots(False),
        unsure=dots(None),
        middle=height(middle),
        median=shown(middle, statistic),
    )
