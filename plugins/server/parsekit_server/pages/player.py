"""``/player/{platform:id}``: the latest games of a player that the viewer may find, and sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from parsekit import Game, PlayerGame, Record, game_of, summarize
from parsekit_server.catalogue.listing import ListedReplay
from parsekit_server.errors import NotFound
from parsekit_server.filters import Query, read_replay_filters, read_replay_page
from parsekit_server.pages import numbers
from parsekit_server.pages.call import PageCall, PageReply, page
from parsekit_server.pages.replay_line import line_of
from parsekit_server.pages.trend import TREND_HEIGHT, TREND_WIDTH, NumberTrend, trend_of

#: Games of a page, of which its pictures and averages are.
_COUNT = "50"
_TRENDS = (numbers.SCORE, numbers.GOALS, numbers.SAVES, numbers.BOOST)
_OF_GAME = (numbers.SCORE, numbers.GOALS, numbers.ASSISTS, numbers.SAVES, numbers.SHOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedGame:
    """A game of the player, who is ``own`` in it."""

    replay_id: str
    title: str
    date: str
    game: Game
    own: PlayerGame

    @property
    def result(self) -> str:
        """In a word, and "" where nobody knows."""
        return {True: "won", False: "lost", None: ""}[self.own.won]

    @property
    def score(self) -> str:
        """The player's side first, such as ``3–1``."""
        sides = self.game.sides if self.own.color == "blue" else self.game.sides[::-1]
        goals = (each.goals for each in sides)
        return "–".join(numbers.UNKNOWN if each is None else f"{each:g}" for each in goals)

    @property
    def cells(self) -> tuple[str, ...]:
        """The player's numbers in it."""
        return tuple(each.single(self.own.stats) for each in _OF_GAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeAverages:
    """An average game of one mode."""

    mode: str
    record: Record
    averages: tuple[str, ...]
    trends: tuple[NumberTrend, ...]


def player_page(call: PageCall) -> PageReply:
    """Show a player; one without a game that the viewer may find has no page."""
    account = call.names["account"]
    own = {"player-id": [account], "sort-by": ["replay-date"]}
    asked: Query = {"count": [_COUNT], **call.query, **own}
    found = call.site.listing.page(read_replay_filters(asked), read_replay_page(asked), call.viewer)
    played = list(_played(call, found.replays, account))
    if not played:
        raise NotFound("there is no game of this player that you may see")
    after = None
    if found.after is not None:
        following = urlencode({**call.query, "after": found.after.to_text()}, doseq=True)
        after = f"/player/{quote(account, safe='')}?{following}"
    name = played[0].own.name
    others = dict.fromkeys(each.own.name for each in played if each.own.name != name)
    return page(
        call,
        "player.html",
        account=account,
        name=name,
        others=tuple(others),
        played=played,
        total=found.total,
        modes=tuple(_modes(played)),
        averages=numbers.OF_PLAYER,
        of_game=_OF_GAME,
        size=(TREND_WIDTH, TREND_HEIGHT),
        after=after,
        description=_description(name, played, found.total),
    )


def _played(call: PageCall, replays: Sequence[ListedReplay], account: str) -> Iterator[PlayedGame]:
    """The games in which the player did play, newest first."""
    bodies = call.site.replays.bodies([each.row.id for each in replays])
    games = {number: game_of(data, replay=number) for number, _, data in bodies}
    for each in replays:
        game = games.get(each.row.id) or game_of(None)
        own = next((player for player in game.players if _account(player) == account), None)
        if own is not None:
            yield PlayedGame(
                replay_id=each.row.id,
                title=each.row.title,
                date=line_of(each).date,
                game=game,
                own=own,
            )


def _account(player: PlayerGame) -> str:
    platform, number, _ = player.key
    return f"{platform}:{number}" if number else ""


def _modes(played: Sequence[PlayedGame]) -> Iterator[ModeAverages]:
    """Averages and pictures of each mode, the one with the most games first."""
    own = {each.game.replay: each.own for each in reversed(played)}
    for mode in summarize(each.game for each in reversed(played)).modes:
        games = [own[game.replay] for game in mode.games]
        totals = next(each for each in mode.players if each.key == games[-1].key)
        yield ModeAverages(
            mode=mode.mode or "Mode unknown",
            record=totals.record,
            averages=tuple(each.average(totals.totals) for each in numbers.OF_PLAYER),
            trends=tuple(trend for each in _TRENDS if (trend := trend_of(each, games))),
        )


def _description(name: str, played: Sequence[PlayedGame], total: int) -> str:
    won, lost = (sum(each.result == word for each in played) for word in ("won", "lost"))
    games = f"{total} game{'' if total == 1 else 's'}"
    return f"{name} · {games} · the last {len(played)}: {won} won, {lost} lost"
