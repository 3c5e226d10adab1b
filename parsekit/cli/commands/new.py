"""``parsekit new``: a distribution for one's own plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.command_list import all_commands
from parsekit.cli.exit import say, writing_output
from parsekit.config import HostSettings
from parsekit.host.host import Host
from parsekit.scaffold.distribution import Kind, write_distribution

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def new(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="parser, storage, sink or report.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Small letters, digits and _, such as my_parser.")
    ],
) -> None:
    """Write the folder parsekit-NAME: a distribution with a plugin that passes its tests.

    It has typed code with settings and a secret, an entry point, tests, a README and a workflow
    for GitHub.
    """
    folder = write_distribution(kind, name, Path(), taken=_taken())
    with writing_output():
        typer.echo(folder)
    say(f'next: cd {folder}, then pip install -e ".[test]" in a virtual environment, then pytest')


def _taken() -> set[str]:
    """Names of keys and sections of the configuration, of providers, plugins and commands."""
    host = Host.load()
    keys = {field.alias or key for key, field in HostSettings.model_fields.items()}
    plugins = {record.name for record in host.plugins}
    return keys | plugins | host.sections.keys() | all_commands().keys()
