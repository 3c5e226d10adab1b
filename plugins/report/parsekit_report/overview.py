"""The first screen: score, who won and how, a line a player, and what is unlike that player."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from parsekit_report.grades import MEANINGS
from parsekit_report.sheet import MatchSheet, PlayerKey, PlayerSheet, clock
from parsekit_report.tables import STATISTICS, number_shown, shown

#: What a player's line has: group and name are Ballchasing's, then our words, long and short.
CORE = (
    ("core", "score", "Score", "Pts"),
    ("core", "goals", "Goals", "G"),
    ("core", "assists", "Assists", "A"),
    ("core", "saves", "Saves", "Sv"),
    ("core", "shots", "Shots", "Sh"),
    ("demo", "inflicted", "Demos", "D"),
    ("boost", "bpm", "Boost/min", "B/min"),
    ("movement", "avg_speed", "Speed m/s", "m/s"),
)
#: What the page of several matches has trends of; group and name are Ballchasing's.
TRENDS = (
    ("core", "score"),
    ("core", "shots"),
    ("boost", "bpm"),
    ("movement", "avg_speed"),
    ("positioning", "percent_behind_ball"),
    ("boost", "percent_zero_boost"),
)
#: What may be said to differ: habits, which one match can differ in, and with them what is usual.
_HABITS = (
    ("core", "shots"),
    ("core", "saves"),
    ("boost", "bpm"),
    ("boost", "avg_amount"),
    ("boost", "amount_stolen"),
    ("boost", "percent_zero_boost"),
    ("movement", "avg_speed"),
    ("movement", "percent_supersonic_speed"),
    ("movement", "percent_high_air"),
    ("positioning", "percent_defensive_third"),
    ("positioning", "percent_offensive_third"),
    ("positioning", "percent_behind_ball"),
    ("positioning", "percent_most_back"),
    ("positioning", "avg_distance_to_ball"),
    ("positioning", "avg_distance_to_mates"),
    ("demo", "inflicted"),
)
#: So many differences are shown for each player.
_SHOWN = 3
#: From so many other matches on, a player's own median is worth comparing with.
LEAST_OTHERS = 2
#: A difference below this share of what is usual is none.
_LEAST_SHARE = 0.1

#: What knows a statistic by group and name; None where it does not.
Lookup = Callable[[str, str], float | None]
#: What is usual: a median for each group and name.
Usual = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Unusual:
    """A habit in which a player differs, as words: ``Boost/min 412, usually 350``."""

    label: str
    value: str
    usual: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """One player's line. ``note`` is for who came late or left."""

    player: PlayerSheet
    cells: tuple[str, ...]
    note: str | None
    differences: tuple[Unusual, ...]


@dataclass(frozen=True, slots=True)
class RosterColumn:
    """The head of a column: our words, long and short, and the sign and meaning of its grade."""

    label: str
    short: str
    sign: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first screen.

    ``compared_with`` says what the differences are from, ``usual_word`` the same in a word.
    """

    facts: tuple[str, ...]
    columns: tuple[RosterColumn, ...]
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
    lines: tuple[tuple[RosterLine, ...], tuple[RosterLine, ...]]
    compared_with: str
    usual_word: str


def overview_of(
    sheet: MatchSheet, own_medians: Mapping[PlayerKey, Usual] | None = None
) -> Overview:
    """Write it. ``own_medians`` has what is usual for a player, over the other replays given."""
    own_medians = own_medians or {}
    lines = tuple(
        tuple(_line(sheet, player, own_medians) for player in team.players) for team in sheet.teams
    )
    compared, word = "each player's own median over the other replays given", "usually"
    if not own_medians:
        compared = "the median of the others in this match, as too few other replays were given"
        word = "others"
    return Overview(
        facts=tuple(_facts(sheet)),
        columns=tuple(_columns(sheet)),
        verdict=tuple(_verdict(sheet)),
        notes=tuple(_notes(sheet)),
        lines=(lines[0], lines[1]),
        compared_with=compared,
        usual_word=word,
    )


def _columns(sheet: MatchSheet) -> Iterator[RosterColumn]:
    for group, name, label, short in CORE:
        grade = sheet.grades.at(f"players.stats.{group}.{name}")
        sign, meaning = MEANINGS[grade]
        yield RosterColumn(label, short, sign, f"{grade}: {meaning}")


def _facts(sheet: MatchSheet) -> Iterator[str]:
    if sheet.mode:
        yield sheet.mode
    elif sheet.team_size:
        yield f"{sheet.team_size}v{sheet.team_size}"
    if sheet.map_name:
        yield sheet.map_name
    if sheet.date:
        yield shown_date(sheet.date, has_timezone=sheet.date_has_timezone)
    if sheet.duration_s:
        yield f"{clock(sheet.duration_s)} played"


def shown_date(text: str, *, has_timezone: bool) -> str:
    """A date as people write it, with its time zone; as it is where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = (moment.tzname() or "UTC") if has_timezone else "(no time zone)"
    return f"{moment.day} {moment:%B %Y}, {moment:%H:%M} {zone}"


def _verdict(sheet: MatchSheet) -> Iterator[str]:
    blue, orange = sheet.teams
    if blue.goals is None or orange.goals is None:
        yield "Final score unknown"
    elif sheet.winner is None:
        yield "Level at the end of the recording"
    else:
        yield f"{sheet.teams[sheet.winner].name} won"
    if sheet.forfeit:
        yield "by forfeit"
    if sheet.overtime:
        length = f" after {clock(sheet.overtime_s)}" if sheet.overtime_s else ""
        yield f"in overtime{length}"
    best = [player.name for player in sheet.players if player.mvp]
    if best:
        yield f"MVP {best[0]}"


def _notes(sheet: MatchSheet) -> Iterator[str]:
    if sheet.stream == "header only":
        yield (
            "This replay has no frames, or none that could be read: the page has what its header "
            "says, and nothing is made up for the rest."
        )
    elif sheet.stream == "cut":
        yield "The recording could be read only in part: numbers are of that part."
    elif sheet.timeline is None:
        yield "The parser gives no positions and events: pictures and goals are left out."
    if not sheet.players:
        yield "Nobody is on the scoreboard of this replay."
    yield from sheet.warnings


def _line(sheet: MatchSheet, player: PlayerSheet, own: Mapping[PlayerKey, Usual]) -> RosterLine:
    if own:
        usual = own.get(player.key, {})
    else:
        usual = medians(other.number for other in sheet.players if other is not player)
    return RosterLine(
        player=player,
        cells=tuple(number_shown(player, group, name) for group, name, *_ in CORE),
        note=sheet.presence(player),
        differences=tuple(_differences(player, usual)),
    )


def medians(lookups: Iterable[Lookup]) -> Usual:
    """The median of each habit over these players, or matches of one."""
    each = tuple(lookups)
    found: dict[tuple[str, str], float] = {}
    for key in _HABITS:
        values = [value for lookup in each if (value := lookup(*key)) is not None]
        if len(values) >= LEAST_OTHERS:
            found[key] = median(values)
    return found


def _differences(player: PlayerSheet, usual: Usual) -> Iterator[Unusual]:
    """The habits that are furthest from what is usual, by the share of it."""
    shares = []
    for key, middle in usual.items():
        value = player.number(*key)
        if value is not None:
            # few demolitions or saves differ by much and mean little
            least = 1.0 if key[0] in ("core", "demo") else 5.0
            share = (value - middle) / max(abs(middle), least)
            shares.append((abs(share), key, value, middle))
    shares.sort(key=lambda each: (-each[0], each[1]))
    for share, key, value, middle in shares[:_SHOWN]:
        if share < _LEAST_SHARE:
            return
        statistic = STATISTICS[key]
        unit = f"\u202f{statistic.unit}" if statistic.unit else ""
        yield Unusual(
            label=statistic.label,
            value=f"{shown(value, statistic)}{unit}",
            usual=f"{shown(middle, statistic)}{unit}",
            more=value > middle,
        )
