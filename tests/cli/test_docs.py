"""docs/cli.md tells what the command line does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from parsekit.cli.commands.parse import app
from parsekit.cli.exit import ExitCode
from parsekit.formats.writer import Format

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def test_every_option_of_parse_is_in_its_table() -> None:
    for parameter in get_command(app).params:
        if parameter.name == "paths":
            continue
        names = ", ".join(f"`{name}`" for name in parameter.opts)
        assert f"| {names}" in PAGE


@pytest.mark.parametrize("kind", Format)
def test_every_format_is_in_its_table(kind: Format) -> None:
    assert f"| `{kind}` |" in PAGE


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_in_its_table(code: ExitCode) -> None:
    assert re.search(rf"^\| [\d, ]*\b{code.value}\b", PAGE, re.MULTILINE)
