"""The command ``parsekit fidelity``; it imports the parser when it runs."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from parsekit.errors import BadRequest, ParsekitError

if TYPE_CHECKING:
    from parsekit import JsonObject
    from parsekit_local.fidelity.score import FidelityCard

_BODY_SUFFIX = ".ballchasing.json"
#: What such a body has are not measurements: they would tell of the file, not of the parser.
_HEADER_ONLY = "header only"


def fidelity(
    pairs: Path,
    bodies: Path | None = None,
    markdown: Path | None = None,
    json_card: Path | None = None,
    fail_under: float = 0.0,
) -> None:
    """Compare the local parser with Ballchasing, field by field.

    PAIRS is a folder with NAME.replay and NAME.ballchasing.json side by side; with --bodies the
    latter stand in a folder of their own. The card goes to the standard output as Markdown, or
    with --markdown and --json-card to files. With --fail-under PERCENT the command ends with
    code 1 when fewer values than that are within 1 %, or when of some replay only the header could
    be read: such a replay is left out of the card.
    """
    from parsekit_local.fidelity.report import card_json, card_markdown  # noqa: PLC0415

    card, left_out = _measure(pairs, bodies or pairs)
    made_by = _command_line(pairs, bodies)
    _write(markdown, card_markdown(card, made_by))
    if json_card:
        _write(json_card, json.dumps(card_json(card, made_by), indent=1) + "\n")
    total = card.total
    percent = 100 * total.within_1_percent / total.n if total.n else 0.0
    if percent < fail_under:
        raise SystemExit(
            _print(f"{percent:.2f} % of all values are within 1 %, not {fail_under:g}")
        )
    if left_out and fail_under:
        raise SystemExit(_print(f"only the header could be read of {left_out} of the replays"))


def _measure(replays: Path, bodies: Path) -> tuple[FidelityCard, int]:
    """Compare all pairs; how many are on no card, as only a header was read, comes second."""
    from parsekit_local.fidelity.comparison import compare  # noqa: PLC0415
    from parsekit_local.fidelity.score import FidelityCard  # noqa: PLC0415

    card, left_out = FidelityCard(), 0
    for replay, body in _pairs(replays, bodies):
        wanted, got = _body(body), _parsed(replay)
        if got.get("fidelity", {}).get("stream") == _HEADER_ONLY:
            left_out += 1
        else:
            card.add(replay.stem, compare(wanted, got))
    if not card.total.n and not left_out:
        raise BadRequest(
            f"nothing to compare: no NAME.replay in {replays} has a NAME{_BODY_SUFFIX} "
            f"in {bodies}; name the folder of the bodies with --bodies"
        )
    return card, left_out


def _pairs(replays: Path, bodies: Path) -> Iterator[tuple[Path, Path]]:
    for replay in sorted(replays.glob("*.replay")):
        body = bodies / f"{replay.stem}{_BODY_SUFFIX}"
        if body.is_file():
            yield replay, body


def _parsed(path: Path) -> JsonObject:
    """Parse without the host, as a result from its cache would tell of yesterday's code.

    A replay that can't be parsed lacks every field.
    """
    from parsekit import Job, ProviderContext, Replay  # noqa: PLC0415
    from parsekit_local.parser import LocalParser  # noqa: PLC0415

    content = path.read_bytes()
    replay = Replay(
        path=path,
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    try:
        parsed = LocalParser(ProviderContext()).parse(replay, Job(task_id="fidelity"))
    except ParsekitError as error:
        _print(f"{path.name}: {error.message}")
        return {}
    for warning in parsed.warnings:
        _print(f"{path.name}: {warning}")
    return parsed.data


def _body(path: Path) -> JsonObject:
    try:
        body: JsonObject = json.loads(path.read_text(encoding="utf-8"))
        if body["status"] == "ok":
            return body
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"{path.name} is no body of Ballchasing's: {error}") from error
    raise BadRequest(f"{path.name} is a body without statistics, its status is {body['status']!r}")


def _command_line(pairs: Path, bodies: Path | None) -> str:
    return f"parsekit fidelity {pairs}" + (f" --bodies {bodies}" if bodies else "")


def _write(path: Path | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def _print(text: str) -> int:
    """Print on the error stream; return the exit code of a failure."""
    sys.stderr.write(f"{text}\n")
    return 1
