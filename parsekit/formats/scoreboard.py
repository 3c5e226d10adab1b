"""Both teams and their players, in as many columns as the terminal has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from parsekit.formats.grid import EMPTY, Cell, Grid, TableColumn
from parsekit.formats.match import MatchOverview, PlayerOverview, Team, minutes
from parsekit.formats.screen import TEAM_STYLES
from parsekit.formats.views import FIGURES, MORE, Figure, View

if TYPE_CHECKING:
    from rich.text import Text

#: A longer name would push the figures out of a terminal of 80 columns.
_MAX_NAME_WIDTH = 28
#: Figures are left out before names are cut shorter than this.
_MIN_NAME_WIDTH = 12
#: Less is no scoreboard.
_FEWEST_FIGURES = 2
#: Shown also where nobody knows them, so that it is seen that nobody does.
_ALWAYS = FIGURES[View.CORE][:5]
#: Stands before the most valuable player's name.
STAR = "★"


def scoreboard(
    match: MatchOverview, view: View, room: int | None
) -> tuple[list[Text], tuple[str, ...]]:
    """The lines, and the headings of a view's own figures that there was no room for."""
    figures = _answered(match, (*FIGURES[view], *MORE.get(view, ())))
    facts = _facts(match)
    columns = [
        TableColumn(heading="Player", least=_MIN_NAME_WIDTH, most=_MAX_NAME_WIDTH),
        *(_FACTS[place][0] for place in facts),
        *_figure_columns(figures),
    ]
    lines, left_out = Grid(columns, list(_rows(match, facts, figures))).lines(room)
    named = {figure.heading for figure in FIGURES[view]}
    return lines, tuple(heading for heading in left_out if heading in named)


def _answered(match: MatchOverview, figures: Sequence[Figure]) -> list[Figure]:
    players = [player for team in match.teams for player in team.players]
    return [
        figure
        for figure in figures
        if figure in _ALWAYS or any(figure.stat in player.stats for player in players)
    ]


def _figure_columns(figures: Sequence[Figure]) -> Iterator[TableColumn]:
    for place, figure in enumerate(figures):
        yields = _figure_yields(place) if place >= _FEWEST_FIGURES else 0
        yield TableColumn(heading=figure.heading, unit=figure.unit, right=True, yields=yields)


def _figure_yields(place: float) -> int:
    """The last figure is left out first; a half is a place between two."""
    return 1000 - int(10 * place)


def _played(player: PlayerOverview) -> str | None:
    """From when to when, of who was not there all the time."""
    if player.was_whole:
        return None
    return f"{minutes(player.start_s)}–{minutes(player.end_s)}"


#: Facts of a player that are no figures, each as it stands among them when the room ends.
_FACTS: tuple[tuple[TableColumn, Callable[[PlayerOverview], str | None]], ...] = (
    (TableColumn(heading="Rank", yields=_figure_yields(5.5)), attrgetter("rank")),
    (TableColumn(heading="Played", yields=_figure_yields(1.5)), _played),
    (TableColumn(heading="Car", most=18, yields=_figure_yields(8.5)), attrgetter("car")),
)


def _facts(match: MatchOverview) -> list[int]:
    """The places of the facts that are worth a column here."""
    players = [player for team in match.teams for player in team.players]
    return [
        place
        for place, (_, fact) in enumerate(_FACTS)
        if any(fact(player) is not None for player in players)
    ]


def _rows(
    match: MatchOverview, facts: Sequence[int], figures: Sequence[Figure]
) -> Iterator[list[Cell]]:
    for team in match.teams:
        style = f"bold {TEAM_STYLES[team.color]}"
        yield [
            Cell(team_name(team), style),
            *(EMPTY for _ in facts),
            *(Cell(shown(_team_figure(team, figure), figure), style) for figure in figures),
        ]
        for player in team.players:
            yield [
                Cell(_player_name(player), "bold" if player.mvp else ""),
                *(Cell(_FACTS[place][1](player) or "", "dim") for place in facts),
                *(Cell(shown(player.stats.get(figure.stat), figure)) for figure in figures),
            ]


def team_name(team: Team) -> str:
    """The colour, whether it won, and the club where one is stated: what is cut stands last."""
    parts = (team.color.upper(), "won" if team.won else None, team.name)
    return " ".join(part for part in parts if part)


def _team_figure(team: Team, figure: Figure) -> float | None:
    """What adds up; the goals of a team are its final score."""
    if figure.stat == "core.goals":
        return team.score
    return team.stats.get(figure.stat) if figure.adds_up else None


def _player_name(player: PlayerOverview) -> str:
    return f"{STAR if player.mvp else ' '} {player.name}{' (bot)' if player.is_bot else ''}"


def shown(value: float | None, figure: Figure) -> str:
    """A number in the figure's decimals; nothing where it is not known."""
    return "" if value is None else f"{value:.{figure.decimals}f}"
