"""The contract in the repository is the one that callers validate with."""

from __future__ import annotations

from pathlib import Path

CONTRACT = Path(__file__).parents[1] / "contract"


def test_the_schemas_are_those_of_the_callers(shared: Path) -> None:
    theirs, ours = (
        {path.name: path.read_text() for path in folder.glob("*.json")}
        for folder in (shared / "contract", CONTRACT)
    )
    assert ours == theirs
