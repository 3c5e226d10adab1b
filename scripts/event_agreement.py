"""Compare the local parser's events with what is known of the same replays, for docs/events.md.

    python scripts/event_agreement.py REPLAY|FOLDER...

Goals, shots, saves and assists are compared with the final scoreboard, demolitions and boost
pick-ups with the body's statistics, possession with its possession time (where the body has
Ballchasing's digits, that is Ballchasing's).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import parsekit
from parsekit import JsonObject, Timeline

#: A player's count in the body, by the kind of event.
_COUNTS: dict[str, Callable[[JsonObject], float | None]] = {
    "goal": lambda stats: stats["core"].get("goals"),
    "shot": lambda stats: stats["core"].get("shots"),
    "save": lambda stats: stats["core"].get("saves"),
    "assist": lambda stats: stats["core"].get("assists"),
    "demolition": lambda stats: stats["demo"].get("inflicted"),
    "boost_pickup": lambda stats: _pads(stats["boost"]),
}


@dataclass
class Agreement:
    """How often events and known values agree; sums of both sides."""

    equal: int = 0
    compared: int = 0
    events: float = 0
    known: float = 0
    differing: list[str] = field(default_factory=list)

    def add(self, events: float, known: float, where: str, *, within: float = 0) -> None:
        """One more pair."""
        self.compared += 1
        self.events += events
        self.known += known
        self.equal += abs(events - known) <= within
        if abs(events - known) > within:
            self.differing.append(f"{where} {events:g} for {known:g}")


def main(paths: list[str]) -> int:
    """Print a table of agreement."""
    found = {name: Agreement() for name in (*_COUNTS, "possession, s")}
    touches: Counter[str] = Counter()
    for outcome in parsekit.parse_all(paths, timeline=True, parser="local"):
        if outcome.timeline is None or outcome.timeline.tracks is None or outcome.data is None:
            continue
        name = outcome.replay.rsplit("/", 1)[-1].removesuffix(".replay")
        for kind, events, known in _by_player(outcome.timeline, outcome.data):
            found[kind].add(events, known, name)
        for events, known in _possession(outcome.timeline, outcome.data):
            found["possession, s"].add(events, known, name, within=0.02)
        touches.update(
            "reported" if event.values["reported"] else "guessed"
            for event in outcome.timeline.events
            if event.kind == "touch"
        )
    for name, sums in found.items():
        print(
            f"{name:14} {sums.equal:4} of {sums.compared:4} equal; "
            f"in all {sums.events:.10g} by events, {sums.known:.10g} known"
        )
        for line in sums.differing[:8]:
            print(f"    {line}")
    print("touches", dict(touches))
    return 0


def _by_player(timeline: Timeline, body: JsonObject) -> Iterator[tuple[str, float, float]]:
    counts = Counter((event.kind, event.player) for event in timeline.events)
    counts.update(
        ("assist", event.other)
        for event in timeline.events
        if event.kind == "goal" and event.other is not None
    )
    players = [one for color in ("blue", "orange") for one in body[color]["players"]]
    for place, player in enumerate(players):
        for kind, count in _COUNTS.items():
            known = count(player["stats"])
            if known is not None:
                yield kind, counts[kind, place], known


def _possession(timeline: Timeline, body: JsonObject) -> Iterator[tuple[float, float]]:
    for team, color in enumerate(("blue", "orange")):
        known = body[color]["stats"]["ball"].get("possession_time")
        if known is not None:
            yield (
                sum(
                    float(event.values["ballchasing_s"])
                    for event in timeline.events
                    if event.kind == "possession" and event.team == team
                ),
                known,
            )


def _pads(boost: JsonObject) -> float | None:
    counts = [boost.get(f"count_collected_{size}") for size in ("big", "small")]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["../shared/replays"]))
