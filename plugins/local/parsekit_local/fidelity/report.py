"""The fidelity card as Markdown for people and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping

from parsekit import JsonObject
from parsekit_local.fidelity.score import FidelityCard, FieldFidelity
from parsekit_local.version import PARSER_VERSION

_HEAD = (
    "| | n | exact | within 1 % | within 5 % | median error | p95 error |{}\n"
    "|---|---|---|---|---|---|---|{}\n"
)


def card_json(card: FidelityCard, command: str) -> JsonObject:
    """Write the card for programs."""
    return {
        "made_by": command,
        "parser_version": PARSER_VERSION,
        "pairs": card.pairs,
        "total": card.total.to_json(),
        "fields": {name: found.to_json() for name, found in card.fields.items()},
    }


def card_markdown(card: FidelityCard, command: str) -> str:
    """Write the card for people."""
    return "\n".join(
        (
            "# Fidelity card",
            "",
            f"parsekit-local {PARSER_VERSION} against Ballchasing's bodies of the same replays, "
            f"made by `{command}`.",
            "",
            "*exact*: the published digits agree (relative 1e-4, half a hundredth for times). "
            "*Within*: relative error; counts have to be equal. Errors are relative, in percent. "
            "A field is graded **exact** from 98 % exact values, **close** from 95 % within 1 %, "
            "else **approximate**.",
            "",
            "Pairs: " + ", ".join(f"`{pair}`" for pair in card.pairs),
            "",
            "## Groups",
            "",
            _table({**card.groups(), "**all**": card.total}, graded=False),
            "## Fields",
            "",
            _table(card.fields, graded=True),
            "## Worst values",
            "",
            _worst(card.fields),
        )
    )


def _table(rows: Mapping[str, FieldFidelity], *, graded: bool) -> str:
    head = _HEAD.format(" grade |", "---|") if graded else _HEAD.format("", "")
    return head + "".join(_row(name, row, graded=graded) for name, row in rows.items())


def _row(name: str, row: FieldFidelity, *, graded: bool) -> str:
    shares = (row.exact, row.within_1_percent, row.within_5_percent)
    cells = [name, str(row.n), *(f"{_share(part, row.n)} %" for part in shares)]
    cells += [f"{row.median_error_percent:g} %", f"{row.p95_error_percent:g} %"]
    return "| " + " | ".join([*cells, row.grade] if graded else cells) + " |\n"


def _share(part: int, whole: int) -> str:
    """One decimal, never rounded up to 100."""
    return f"{int(1000 * part / whole) / 10:g}" if whole else "0"


def _worst(rows: Mapping[str, FieldFidelity]) -> str:
    lines = [
        f"| {name} | {each.where} | {each.wanted} | {each.got} |\n"
        for name, row in rows.items()
        for each in row.worst
    ]
    return "| field | where | Ballchasing | here |\n|---|---|---|---|\n" + "".join(lines)
