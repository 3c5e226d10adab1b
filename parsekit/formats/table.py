"""One match for people: how it ended, the goals, both teams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from parsekit.formats.grid import Cell, Grid, TableColumn
from parsekit.formats.match import GoalLine, MatchOverview, Team, match_of, minutes, with_zone
from parsekit.formats.scoreboard import STAR, scoreboard
from parsekit.formats.screen import TEAM_STYLES, packed, plain, room, show, tail
from parsekit.formats.views import View, sections
from parsekit.model import Outcome

if TYPE_CHECKING:
    from rich.text import Text


class MatchDetail:
    """Everything worth seeing of one match; failed replays are reported on standard error."""

    def __init__(self, view: View = View.CORE) -> None:
        self._view = view

    def write(self, outcome: Outcome) -> None:
        """Print the match."""
        if outcome.ok:
            show(_page(match_of(outcome.data), outcome, self._view, room()))

    def close(self) -> None:
        """Nothing is open."""


def _page(match: MatchOverview, outcome: Outcome, view: View, width: int | None) -> Iterator[Text]:
    yield from _head(match, outcome, width)
    if not any(team.players for team in match.teams):
        yield plain("")
        yield from packed(_nobody(match), width)
        return
    yield plain("")
    yield _result(match)
    if match.goals_listed:
        yield plain("")
        yield from _goals(match, width)
    yield from _tables(match, view, width)
    if match.goals and match.goals != match.score:
        yield from packed(
            [f"final score {match.score}; the players' goals add up to {match.goals}"], width
        )


def _head(match: MatchOverview, outcome: Outcome, width: int | None) -> Iterator[Text]:
    if match.title:
        yield from packed([match.title], width, "bold")
    stream = match.stream and f"stream: {match.stream}"
    length = f"{minutes(match.duration_s)} long" if match.duration_s is not None else None
    facts = (match.mode, match.map, with_zone(match.date or ""), length, stream)
    yield from packed([fact for fact in facts if fact], width)
    source = [tail(outcome.replay, width), f"{outcome.parser_shown} {outcome.parser_version}"]
    yield from packed([*source, *(["from the cache"] if outcome.cached else [])], width, "dim")


def _nobody(match: MatchOverview) -> list[str]:
    if match.is_training:
        return ["a training session, which has no players", "--format json shows all there is"]
    return ["no players in these data", "--format json shows all there is"]


def _result(match: MatchOverview) -> Text:
    """Such as ``BLUE 3 – 1 ORANGE``, the winner in bold, and how the match ended."""
    from rich.text import Text  # noqa: PLC0415

    blue, orange = match.teams
    line = Text.assemble(
        _side(blue, f"BLUE {_score(blue)}"), " – ", _side(orange, f"{_score(orange)} ORANGE")
    )
    after = ""
    if match.overtime:
        length = minutes(match.overtime_s)
        after = f"after {length} of overtime" if length else "after overtime"
    line.append("".join(f"  {each}" for each in (after, match.ending) if each))
    return line


def _side(team: Team, shown: str) -> tuple[str, str]:
    return shown, f"{'bold ' if team.won else ''}{TEAM_STYLES[team.color]}"


def _score(team: Team) -> str:
    return "?" if team.score is None else f"{team.score:g}"


def _goals(match: MatchOverview, width: int | None) -> list[Text]:
    rows = [_goal(goal) for goal in match.goals_listed]
    shown = [place for place in range(len(_GOAL)) if any(row[place].text for row in rows)]
    columns = [_GOAL[place] for place in shown]
    lines, _ = Grid(columns, [[row[place] for place in shown] for row in rows]).lines(width)
    return lines


#: What nobody knows of any goal of a match has no column there.
_GOAL = (
    TableColumn(heading="Goal", right=True),
    TableColumn(heading="Clock", right=True, yields=1),
    TableColumn(heading="Score"),
    TableColumn(heading="Scorer", least=8),
    TableColumn(heading="Assist", least=8, yields=2),
)


def _goal(goal: GoalLine) -> tuple[Cell, ...]:
    style = TEAM_STYLES.get(goal.color or "", "")
    return (
        Cell(minutes(goal.time_s) or ""),
        Cell(goal.clock or "", "dim"),
        Cell(goal.score, style),
        Cell(f"{goal.scorer}{' (own goal)' if goal.is_own else ''}", style),
        Cell(goal.assist or ""),
    )


def _tables(match: MatchOverview, view: View, width: int | None) -> Iterator[Text]:
    left_out: list[str] = []
    for section in sections(view):
        lines, missing = scoreboard(match, section, width)
        left_out += missing
        yield plain("")
        yield from lines
    if any(player.mvp for team in match.teams for player in team.players):
        yield plain("")
        yield plain(f"{STAR} most valuable player", "dim")
    if left_out:
        first, *others = left_out
        yield from packed(
            [f"no room for {first}", *others, "a wider terminal shows all"], width, "dim"
        )
