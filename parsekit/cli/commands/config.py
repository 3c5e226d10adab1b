"""``parsekit config``: what is in force, whether it is right, and what there is to set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import typer
from pydantic import BaseModel, SecretStr
from pydantic.errors import PydanticUserError

from parsekit.api import open_session
from parsekit.cli.aligned_text import aligned
from parsekit.cli.exit import say, writing_output
from parsekit.cli.options import CommandGroup, ConfigFile, ListFormat, ListKind
from parsekit.config import Config, HostSettings
from parsekit.errors import ConfigInvalid, PluginFailed
from parsekit.host.choices import missing_secrets, wrong_choices
from parsekit.host.host import Host
from parsekit.redaction.settings import MASK, redacted
from parsekit.redaction.terminal_text import printable

app = typer.Typer(
    cls=CommandGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None
)


class Setting(NamedTuple):
    """One value in force; ``origin`` is a file, a variable of the environment, or ``default``."""

    key: str
    value: object
    origin: str


@app.callback()
def config() -> None:
    """Show, check or describe the configuration."""


@app.command()
def show(config: ConfigFile = None, kind: ListKind = ListFormat.TABLE) -> None:
    """Show every value in force and where it came from; secrets are masked."""
    loaded = open_session(config, role="cli").config
    settings = list(_settings(loaded))
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps([setting._asdict() for setting in settings], indent=2))
        else:
            typer.echo("\n".join(_lines(settings)))
    _warn_of_unread(loaded)


@app.command()
def check(config: ConfigFile = None) -> None:
    """Check the configuration; exit code 2 and each key's problem when it can't be used.

    A secret that is not on this machine is a warning: the workers may run on another.
    """
    host = Host.load()
    loaded = open_session(config, host=host, role="cli").config
    if wrong := [problem.located(loaded.origins) for problem in wrong_choices(loaded, host)]:
        raise ConfigInvalid(*map(str, wrong))
    _warn_of_unread(loaded)
    for missing in missing_secrets(loaded, host):
        say(f"warning: {missing}")
    with writing_output():
        typer.echo("the configuration is valid")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, sections of plugins included."""
    with writing_output():
        typer.echo(json.dumps(_schema(Host.load()), indent=2))


def _settings(config: Config) -> Iterator[Setting]:
    yield from _section(config, "", config.host)
    for name, section in sorted(config.sections.items()):
        yield from _section(config, f"{name}.", section)


def _section(config: Config, prefix: str, section: BaseModel) -> Iterator[Setting]:
    values = section.model_dump(mode="json", by_alias=True)
    if not prefix:
        values["storage"] = config.storage_name
    for field, info in type(section).model_fields.items():
        name = info.alias or field
        written = config.origins.get(prefix + name) or config.origins.get(prefix + field)
        value = getattr(section, field)
        shown = _shown(value) if isinstance(value, SecretStr) else redacted(name, values[name])
        yield Setting(prefix + name, shown, written or "default")


def _shown(secret: SecretStr) -> object:
    """An address as others are: whoever looks wants to know which server is meant."""
    text = secret.get_secret_value()
    return redacted("", text) if "://" in text else MASK


def _lines(settings: list[Setting]) -> Iterator[str]:
    rows = [
        (key, printable(json.dumps(value, ensure_ascii=False)), printable(at))
        for key, value, at in settings
    ]
    return aligned(rows)


def _warn_of_unread(config: Config) -> None:
    for name, distribution in sorted(config.absent_plugins.items()):
        say(f"warning: section {name!r} is not read; pip install {distribution} brings its plugin")


def _schema(host: Host) -> dict[str, Any]:
    schema = HostSettings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "parsekit configuration"
    for name, distribution in host.absent_sections.items():
        description = f"read once {distribution} is installed"
        schema["properties"][name] = {"type": "object", "description": description}
    for name, model in host.sections.items():
        schema["properties"][name] = _section_schema(name, model)
    return schema


def _section_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """The section's own schema; unknown keys are refused whatever its model says."""
    template = f"#/properties/{name}/$defs/{{model}}"
    try:
        return {**model.model_json_schema(ref_template=template), "additionalProperties": False}
    except PydanticUserError as exc:
        raise PluginFailed(f"section {name!r} can't be described as JSON Schema: {exc}") from exc
