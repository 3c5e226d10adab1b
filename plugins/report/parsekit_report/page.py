"""The page as text: one file with its style and script, which lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parsekit import Outcome, PageContent
from parsekit_report.collection import Collection, Collector, ListedMatch
from parsekit_report.demolitions import DemolitionMatrix, demolitions_of
from parsekit_report.goals import GoalCard, goals_of
from parsekit_report.grades import MEANINGS
from parsekit_report.kickoffs import Kickoff, kickoffs_of
from parsekit_report.overview import CORE, Overview, Usual, overview_of
from parsekit_report.pads import PadMap, pad_maps_of
from parsekit_report.pitch import PADS, Pitch, pitch_of, standard_pitch
from parsekit_report.playback import playback_of
from parsekit_report.season import TREND_HEIGHT, TREND_WIDTH, season_of
from parsekit_report.sheet import COLORS, MatchSheet, PlayerKey
from parsekit_report.shots import ShotOnGoal, shots_of
from parsekit_report.strips import Clockwork, clockwork_of
from parsekit_report.tables import StatTable, tables_of
from parsekit_report.touches import BallContact, TouchMap, contacts_of, touch_maps_of
from parsekit_report.zones import ZoneGrid, grids_of

_HERE = Path(__file__).parent
#: What stands around a page: a whole document, or nothing.
Layout = Literal["page.html", "content.html"]
#: A link to a moment begins so many seconds before it.
_LEAD_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchView:
    """One match as the templates draw it.

    ``name`` is ``m2`` of the second of several, "" of one alone; ``id`` begins the names of its
    parts, ``anchor`` those of its moments. A ``brief`` one has its goals and scoreboard alone.
    """

    id: str
    anchor: str
    name: str
    sheet: MatchSheet
    pitch: Pitch
    overview: Overview
    goals: tuple[GoalCard, ...]
    playback: Markup | None = None
    clockwork: Clockwork | None = None
    grids: tuple[ZoneGrid, ...] = ()
    shots: tuple[ShotOnGoal, ...] = ()
    touches: tuple[TouchMap, ...] = ()
    contacts: tuple[BallContact, ...] = ()
    pads: tuple[PadMap, ...] = ()
    kickoffs: tuple[Kickoff, ...] = ()
    demolitions: DemolitionMatrix | None = None
    tables: tuple[StatTable, ...] = ()
    brief: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything is said to differ."""
        return any(line.differences for lines in self.overview.lines for line in lines)

    @property
    def parts(self) -> Iterator[tuple[str, str]]:
        """Name and word of each part that is there."""
        yield f"{self.id}goals", "Goals"
        if self.playback:
            yield f"{self.id}watch", "Watch"
        if self.clockwork:
            yield f"{self.id}clock", "On one clock"
        if self.grids:
            yield f"{self.id}where", "Where they were"
        if self.shots:
            yield f"{self.id}shots", "Shots"
        if self.touches:
            yield f"{self.id}touches", "Touches"
        if self.pads:
            yield f"{self.id}pads", "Pads"
        if self.kickoffs:
            yield f"{self.id}kickoffs", "Kick-offs"
        if self.demolitions:
            yield f"{self.id}demos", "Demolitions"
        yield f"{self.id}tables", "Tables"
        yield f"{self.id}trust", "How sure"


def page_of(collection: Collection, layout: Layout = "page.html") -> tuple[str, Iterator[str]]:
    """The title of a page, and its text in parts: that of one match, or of several."""
    if len(collection.entries) == 1:
        [entry] = collection.entries
        title = _title(entry.sheet)
        return title, _render("match_page.html", layout, title=title, view=_view(entry.sheet))
    season = season_of(collection)
    matches = _matches(collection)
    return season.title, _render(
        "season_page.html", layout, title=season.title, season=season, matches=matches
    )


class SessionPage:
    """The page of a session that goes on; a `parsekit.Page`."""

    def __init__(self) -> None:
        self._collector = Collector()

    def add(self, outcome: Outcome) -> None:
        """Take a match."""
        self._collector.add(outcome)

    def text(self) -> tuple[str, Iterator[str]]:
        """The page of all matches so far."""
        return page_of(self._collector.collection())

    def content(self) -> PageContent:
        """The same for a site, which brings the document."""
        title, body = page_of(self._collector.collection(), "content.html")
        style, script = _style_and_script()
        return PageContent(title=title, style=style, script=script, body=body)


def _matches(collection: Collection) -> Iterator[MatchView]:
    """The matches one by one: the page is longer than what is in memory of it."""
    if collection.is_whole:
        for number, (entry, own_medians) in enumerate(collection.with_medians(), start=1):
            yield _view(entry.sheet, f"m{number}", own_medians)
    else:
        for number, entry in enumerate(collection.entries, start=1):
            yield _brief_view(entry, f"m{number}")


def _view(
    sheet: MatchSheet, name: str = "", own_medians: Mapping[PlayerKey, Usual] | None = None
) -> MatchView:
    timeline = sheet.timeline
    pitch = pitch_of(timeline) if timeline else standard_pitch()
    playback = playback_of(timeline, pitch) if timeline else None
    return MatchView(
        id=f"{name}-" if name else "",
        anchor=f"{name}." if name else "",
        name=name,
        sheet=sheet,
        pitch=pitch,
        overview=overview_of(sheet, own_medians),
        goals=goals_of(timeline),
        playback=None if playback is None else _data(playback),
        clockwork=clockwork_of(timeline, pitch),
        grids=grids_of(timeline, pitch),
        shots=shots_of(timeline),
        touches=touch_maps_of(timeline),
        contacts=contacts_of(timeline),
        pads=pad_maps_of(timeline, pitch),
        kickoffs=kickoffs_of(timeline),
        demolitions=demolitions_of(timeline),
        tables=tables_of(sheet),
    )


def _brief_view(entry: ListedMatch, name: str) -> MatchView:
    return MatchView(
        id=f"{name}-",
        anchor=f"{name}.",
        name=name,
        sheet=entry.sheet,
        pitch=standard_pitch(),
        overview=overview_of(entry.sheet, {}),
        goals=entry.goals,
        brief=True,
    )


def _title(sheet: MatchSheet) -> str:
    blue, orange = sheet.teams
    return f"{blue.name} {blue.score}–{orange.score} {orange.name}"


def _render(template: str, layout: Layout, **values: object) -> Iterator[str]:
    return _environment().get_template(template).generate(layout=layout, **values)


def _data(value: object) -> Markup:
    """JSON that no name in it can end the script element of."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  (nothing of HTML is left)


@cache
def _style_and_script() -> tuple[str, str]:
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return style, script


@cache
def _environment() -> Environment:
    style, script = _style_and_script()
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        style=Markup(style),  # noqa: S704  (ours)
        script=Markup(script),  # noqa: S704  (ours)
        policy=_policy(style, script),
        version=version("parsekit-report"),
        colors=COLORS,
        core=[(label, short) for _, _, label, short in CORE],
        meanings=[(word, *sign_and_meaning) for word, sign_and_meaning in MEANINGS.items()],
        lead_s=_LEAD_S,
        pads=PADS,
        trend=(TREND_WIDTH, TREND_HEIGHT),
    )
    return environment


def _policy(style: str, script: str) -> str:
    """Own style and script by their digests, and nothing else from anywhere."""
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
