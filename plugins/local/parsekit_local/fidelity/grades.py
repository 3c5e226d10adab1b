"""How sure the result is of each of its fields.

The grades are those of the shipped card: ``fidelity_card.json``, made by ``parsekit fidelity``,
with Ballchasing's bodies of the same replays as the measure. They are compacted: a path stands
for everything below it, and the longest path wins. ``players`` and ``teams`` are every player
and both teams. A field on no card is not measured, which is called approximate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from enum import Enum
from functools import cache
from importlib.resources import files

from parsekit import JsonObject
from parsekit_local.fidelity.comparison import SITE_FIELDS
from parsekit_local.version import PARSER_VERSION

#: What the header alone gives; all else comes from the network stream.
_FROM_HEADER = (
    "rocket_league_id",
    "match_guid",
    "title",
    "recorder",
    "map_code",
    "map_name",
    "match_type",
    "team_size",
    "season",
    "season_type",
    "date",
    "players.name",
    "players.id",
    "players.mvp",
    "players.stats.core",
    "teams.color",
    "teams.stats.core",
)


#: Fields that Ballchasing does not have, and their grade: they are the header's, the mode the
#: game's own word.
_OURS = dict.fromkeys(("final_score", "goals", "mode", "forfeit", "unfinished"), "exact")
#: What the header's number of frames and their rate tell well enough where no frame is read.
_ESTIMATED = ("duration",)


class Reading(Enum):
    """How much of the network stream was read."""

    WHOLE = "whole"
    CUT = "cut"
    HEADER_ONLY = "header only"


def fidelity_of(
    reading: Reading,
    *,
    absent: Collection[str] = (),
    doubtful: Collection[str] = (),
    as_measured: bool = True,
) -> JsonObject:
    """Write the result's ``fidelity``.

    ``absent`` are fields, or groups of them, that this replay does not have, and which stand in the
    body because the contract wants them; ``doubtful`` those that something in the replay speaks
    against. ``as_measured`` False is for modes that no pair is of: what is computed there is
    approximate, whatever the card says of plain soccar.
    """
    card = _card()

    def grade(field: str, measured: str) -> str:
        if _is_below(field, absent):
            return "absent"
        known = _lowered(field, measured, reading, as_measured=as_measured)
        return "approximate" if known != "absent" and _is_below(field, doubtful) else known

    grades = {field: grade(field, row["grade"]) for field, row in card["fields"].items()}
    unmeasured = SITE_FIELDS - {"status", "groups"} | {
        field for field in absent if not any(_is_below(each, (field,)) for each in grades)
    }
    grades |= dict.fromkeys(sorted(unmeasured), "absent")
    grades |= {name: known for name, known in _OURS.items() if name not in unmeasured}
    return {
        "card": f"parsekit-local {PARSER_VERSION}, {len(card['pairs'])} pairs",
        "stream": reading.value,
        "unmeasured": "absent" if reading is Reading.HEADER_ONLY else "approximate",
        "grades": compact(grades),
    }


def _is_below(field: str, groups: Collection[str]) -> bool:
    return any(f"{field}.".startswith(f"{group}.") for group in groups)


def compact(grades: Mapping[str, str]) -> dict[str, str]:
    """Name a group instead of its fields: where they all have one grade, or most of a last group.

    The fields that differ follow their group.
    """
    tree: dict[str, dict[str, str]] = {}
    for field, grade in grades.items():
        head, _, rest = field.partition(".")
        tree.setdefault(head, {})[rest] = grade
    found: dict[str, str] = {}
    for head, below in tree.items():
        if len(set(below.values())) == 1:
            found[head] = next(iter(below.values()))
        elif not any("." in rest for rest in below):
            found[head] = usual = Counter(below.values()).most_common(1)[0][0]
            found |= {f"{head}.{rest}": grade for rest, grade in below.items() if grade != usual}
        else:
            found |= {f"{head}.{rest}": grade for rest, grade in compact(below).items()}
    return found


def _lowered(field: str, grade: str, reading: Reading, *, as_measured: bool) -> str:
    if field.startswith(_FROM_HEADER):
        return grade
    if reading is Reading.WHOLE:
        return grade if as_measured or ".stats." not in field else "approximate"
    is_lost = reading is Reading.HEADER_ONLY and field not in _ESTIMATED
    return "absent" if is_lost else "approximate"


@cache
def _card() -> JsonObject:
    text = files("parsekit_local").joinpath("fidelity_card.json").read_text(encoding="utf-8")
    card: JsonObject = json.loads(text)
    return card
